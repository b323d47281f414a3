/** Checks this machine: Node, certificates, browser, proxies. */

import { X509Certificate } from 'node:crypto';
import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { release } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Config, Environment } from '../../config/config.ts';
import { displayPlaces, findDisplay, isElsewhere } from '../../host/browser/display.ts';
import { namedBrowsers } from '../../host/browser/named-browsers.ts';
import { type Finding, fail, ok, skip, warn } from './finding.ts';

const oldestNode = [20, 18, 1] as const;

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0, patch = 0] = version.replace(/^v/, '').split('.').map(Number);
  const [oldMajor, oldMinor, oldPatch] = oldestNode;
  const isOld =
    major < oldMajor ||
    (major === oldMajor && (minor < oldMinor || (minor === oldMinor && patch < oldPatch)));
  return isOld
    ? fail('Node', `${version} is too old`, `Install Node ${oldestNode.join('.')} or newer.`)
    : ok('Node', version);
}

export async function checkCertificates(environment: Environment): Promise<Finding> {
  const name = 'Certificates';
  if (environment.NODE_TLS_REJECT_UNAUTHORIZED === '0') {
    return warn(
      name,
      'NODE_TLS_REJECT_UNAUTHORIZED=0 is set, and ignored: certificates are always verified here',
      'Unset it, because it makes other programs insecure; for a private certificate authority set NODE_EXTRA_CA_CERTS to its PEM file.',
    );
  }
  const path = environment.NODE_EXTRA_CA_CERTS;
  if (!path) return ok(name, 'Node’s own list; NODE_EXTRA_CA_CERTS is not set');
  const setIt = 'Set NODE_EXTRA_CA_CERTS to the PEM file of your organisation’s root certificate.';
  try {
    const pems = (await readFile(path, 'utf8')).match(
      /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g,
    );
    if (!pems) return fail(name, `NODE_EXTRA_CA_CERTS: ${path} contains no certificate`, setIt);
    const ends = pems.map((pem) => new X509Certificate(pem).validTo);
    const expired = ends.filter((end) => Date.parse(end) < Date.now());
    if (expired.length === pems.length) {
      return fail(
        name,
        `NODE_EXTRA_CA_CERTS: all certificates in ${path} have expired (${expired[0]})`,
        setIt,
      );
    }
    return ok(name, `Node’s own list and ${pems.length} of NODE_EXTRA_CA_CERTS`);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${error.code})` : '';
    return fail(name, `NODE_EXTRA_CA_CERTS: ${path} cannot be read${code}`, setIt);
  }
}

export async function checkBrowser(
  environment: Environment,
  { headless, serviceTokens }: Config,
): Promise<Finding> {
  const name = 'Browser';
  if (headless) {
    const text = 'headless (CF_ACCESS_HEADLESS or CI): nobody is asked to sign in';
    return serviceTokens.length > 0
      ? ok(name, text)
      : warn(name, text, 'Configure a service token, or set CF_ACCESS_HEADLESS=0.');
  }
  const elsewhere =
    'Sign-ins print their address: open it in any browser. If the page that it ends at does not load, paste the address of that page.';
  const { platform } = process;
  const named = environment.BROWSER;
  if (named) {
    const commands = namedBrowsers(named, platform).map(({ command }) => command);
    if (commands.every((command) => ['false', 'none'].includes(command))) {
      return warn(
        name,
        `BROWSER=${named}: no browser is opened, addresses are only printed`,
        elsewhere,
      );
    }
    const found = await Promise.all(commands.map((command) => isOnPath(command, environment)));
    return found.includes(true)
      ? ok(name, `BROWSER: ${named}`)
      : warn(name, `BROWSER names no program that exists on this machine: ${named}`, elsewhere);
  }
  const overSsh = isElsewhere(environment);
  const here = warn(name, 'none: this is an SSH session', elsewhere);
  if (platform === 'darwin' || platform === 'win32') {
    return overSsh ? here : ok(name, 'the system’s default browser');
  }
  if (/microsoft/i.test(release())) return ok(name, 'the default browser of Windows, through WSL');
  const display = await findDisplay(environment, displayPlaces(environment));
  if (display) return ok(name, 'the desktop’s default browser, through xdg-open');
  return overSsh ? here : warn(name, 'none: this machine has no display', elsewhere);
}

export async function checkProxies({ proxy }: Config): Promise<Finding[]> {
  const urls = new Map([
    [proxy.https, 'HTTPS_PROXY'],
    [proxy.http, 'HTTP_PROXY'],
  ]);
  urls.delete('');
  urls.delete(undefined);
  if (urls.size === 0) return [skip('Proxy', 'none is set')];
  return Promise.all(
    [...urls].map(async ([text, variable]) => {
      const url = new URL(text ?? '');
      const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
      const trouble = await reach(url.hostname.replace(/^\[|\]$/g, ''), port);
      const where = `${variable}: ${url.hostname}:${port}`;
      return trouble === undefined
        ? ok('Proxy', `${where} answers`)
        : fail(
            'Proxy',
            `${where} cannot be reached (${trouble})`,
            `Correct ${variable}, or name the hosts that need no proxy in NO_PROXY.`,
          );
    }),
  );
}

/** Connects to the proxy. Resolves to the reason if that fails, otherwise to `undefined`. */
function reach(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (trouble?: string) => {
      socket.destroy();
      resolve(trouble);
    };
    socket.setTimeout(3_000, () => end('no answer within 3 s'));
    socket.once('connect', () => end());
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code || 'unknown failure'));
  });
}

async function isOnPath(command: string, { PATH = '' }: Environment): Promise<boolean> {
  const places =
    command.includes('/') || isAbsolute(command)
      ? [command]
      : PATH.split(delimiter).map((each) => join(each, command));
  // Windows finds what is written without its suffix.
  const names = places.flatMap((each) =>
    process.platform === 'win32' ? [each, `${each}.exe`] : [each],
  );
  for (const place of names) {
    const there = await access(place, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (there) return true;
  }
  return false;
}
