/**
 * Which requests go through a proxy: HTTP_PROXY and HTTPS_PROXY by scheme; NO_PROXY's hosts, suffixes,
 * addresses, CIDR blocks and ports as curl reads them. Loopback is never reached through a proxy: that
 * would be the proxy's loopback, and credentials over http would cross the network.
 */
import { BlockList, isIP } from 'node:net';
import { AccessError } from '../errors.ts';
import { isLoopback } from '../secure-url.ts';
import { isLocalhost } from './lookup.ts';

export interface ProxySettings {
  /** HTTP_PROXY and HTTPS_PROXY, normalised or not, and NO_PROXY as in the environment. */
  readonly http?: string;
  readonly https?: string;
  readonly no?: string;
}

export interface ProxyRules {
  /** The proxies' URLs, without duplicates. */
  readonly proxies: readonly string[];
  /** `undefined` for a direct connection. */
  proxyFor(origin: URL): string | undefined;
}

/** Throws `config_invalid`, naming the variable and never its value: it may hold a password. */
export function createProxyRules({ http, https, no = '' }: ProxySettings): ProxyRules {
  const byScheme = {
    'http:': proxyUrl('HTTP_PROXY', http),
    'https:': proxyUrl('HTTPS_PROXY', https),
  };
  const exceptions = no
    .split(/[,\s]+/)
    .filter((entry) => entry !== '')
    .map(exception);
  return {
    proxies: [...new Set(Object.values(byScheme))].filter((uri) => uri !== undefined),
    proxyFor(origin) {
      if (isLoopback(origin) || isLocalhost(origin.hostname)) return undefined;
      if (exceptions.some((matches) => matches(origin))) return undefined;
      return origin.protocol === 'http:' || origin.protocol === 'https:'
        ? byScheme[origin.protocol]
        : undefined;
    },
  };
}

/**
 * The proxy's complete URL; `undefined` for a proxy that is not supported. SOCKS is not, because undici's
 * support for it is experimental.
 */
export function normaliseProxyUrl(value: string): string | undefined {
  const text = value.trim();
  // As in other programs, `proxy.example.com:3128` means an http proxy.
  const address = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url?.hostname || !/^https?:$/.test(url.protocol)) return undefined;
  try {
    // As undici does for the proxy's own credentials.
    decodeURIComponent(url.username);
    decodeURIComponent(url.password);
  } catch {
    return undefined;
  }
  return url.href;
}

function proxyUrl(variable: string, value: string | undefined): string | undefined {
  if (!value?.trim()) return undefined;
  const url = normaliseProxyUrl(value);
  if (url !== undefined) return url;
  throw new AccessError('config_invalid', `${variable} is not the URL of an http or https proxy.`, [
    {
      do: 'set_variables',
      variables: [
        { name: variable, to: 'a URL such as http://proxy.example.com:3128 (or unset it)' },
      ],
    },
  ]);
}

function exception(entry: string): (origin: URL) => boolean {
  if (entry === '*') return () => true;
  const cidr = /^\[?([\d.]+|[\da-f:.]+)\]?\/(\d{1,3})$/i.exec(entry);
  if (cidr?.[1] && cidr[2]) return cidrException(cidr[1], Number(cidr[2]));
  const withPort = /^(.+?|\[.+\]):(\d+)$/.exec(isIP(entry) === 6 ? '' : entry);
  const port = withPort?.[2];
  const name = (withPort?.[1] ?? entry)
    .replace(/^\*?\./, '')
    .replace(/\.$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase();
  return (origin) => {
    const host = bare(origin.hostname);
    if (port !== undefined && port !== portOf(origin)) return false;
    return host === name || (isIP(host) === 0 && host.endsWith(`.${name}`));
  };
}

function cidrException(address: string, prefix: number): (origin: URL) => boolean {
  const family = isIP(address);
  if (family === 0 || prefix > (family === 4 ? 32 : 128)) return () => false;
  const block = new BlockList();
  block.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
  return (origin) => {
    const host = bare(origin.hostname);
    return isIP(host) === family && block.check(host, family === 4 ? 'ipv4' : 'ipv6');
  };
}

function bare(hostname: string): string {
  return hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
}

function portOf({ protocol, port }: URL): string {
  return port || (protocol === 'https:' ? '443' : '80');
}
