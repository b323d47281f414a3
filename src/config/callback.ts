/** Reads where the callback arrives: the ports, and the address to bind. */
import { isLoopback } from '../secure-url.ts';
import type { Reader } from './service-tokens.ts';

const defaultPorts = [8400, 8401, 8402, 8403, 8404, 8405, 8406, 8407, 8408, 8409];

export function readPorts({ get, problems }: Reader): readonly number[] {
  const text = get('CF_ACCESS_CALLBACK_PORT');
  if (text === undefined) return defaultPorts;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) {
    problems.push('CF_ACCESS_CALLBACK_PORT is not a port: a number from 1 to 65535.');
  }
  return [port];
}

/** Undefined means both loopback addresses. */
export function readBind({ get, problems, warnings }: Reader): string | undefined {
  const text = get('CF_ACCESS_CALLBACK_BIND');
  if (text === undefined) return undefined;
  const isIpv4 = /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text) && text.split('.').every(isOctet);
  // As in a URL's host, but without the brackets and without a zone.
  const isIpv6 = /^[\da-f:.]*:[\da-f:.]*$/i.test(text) && URL.canParse(`http://[${text}]/`);
  if (!isIpv4 && !isIpv6) {
    problems.push(
      'CF_ACCESS_CALLBACK_BIND is not an IP address. Use 0.0.0.0 in a container, without a port or a name.',
    );
    return undefined;
  }
  if (!isLoopback(new URL(`http://${isIpv4 ? text : `[${text}]`}/`))) {
    warnings.push(
      'CF_ACCESS_CALLBACK_BIND opens the callback’s port to other machines while somebody signs in. It is meant for a container whose port is published on the loopback address of the person’s own machine.',
    );
  }
  return text;
}

const isOctet = (part: string): boolean => Number(part) <= 255;
