/** The variables about the network: proxies, and the transfer service. */
import type { ProxySettings } from '../http/proxy-rules.ts';
import { parseSecureUrl } from '../secure-url.ts';
import type { Reader } from './service-tokens.ts';

export async function readProxies(reader: Reader): Promise<ProxySettings> {
  return {
    http: await readProxy('HTTP_PROXY', reader),
    https: await readProxy('HTTPS_PROXY', reader),
    no: reader.get('no_proxy') ?? reader.get('NO_PROXY') ?? '',
  };
}

/** Lower case takes precedence, as in other programs. */
async function readProxy(
  variable: 'HTTP_PROXY' | 'HTTPS_PROXY',
  { get, problems }: Reader,
): Promise<string> {
  const lower = variable === 'HTTP_PROXY' ? 'http_proxy' : 'https_proxy';
  const name = ([lower, variable] as const).find((each) => get(each) !== undefined);
  if (name === undefined) return '';
  // Loaded only if there is a proxy: starting up needs nothing else from that room.
  const { normaliseProxyUrl } = await import('../http/proxy-rules.ts');
  const url = normaliseProxyUrl(get(name) ?? '');
  if (url === undefined) {
    problems.push(
      `${name} is not the URL of an http or https proxy, such as http://proxy.example.com:3128.`,
    );
  }
  return url ?? '';
}

export function readTransferUrl({ get, problems }: Reader): URL {
  const text = get('CF_ACCESS_TRANSFER_URL') ?? 'https://login.cloudflareaccess.org';
  const url = parseSecureUrl(text);
  if (url === undefined || url.search || url.hash || url.pathname !== '/') {
    problems.push('CF_ACCESS_TRANSFER_URL is not an https origin.');
  }
  return url ?? new URL('https://login.cloudflareaccess.org');
}
