/** A request as it was received: with its whole body and every header field, repeated ones separately. */
import type { IncomingMessage } from 'node:http';

export interface Received {
  readonly method: string;
  /** Absolute, with this host's own name, whatever the Host field says. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** Empty when `tooLarge`. */
  readonly body: Buffer;
  /** More than 16 MiB. */
  readonly tooLarge: boolean;
  /** Aborted when the client went away. */
  readonly gone: AbortSignal;
}

const largestBody = 16 * 1024 * 1024;

export async function receive(
  origin: URL,
  incoming: IncomingMessage,
  gone: AbortSignal,
): Promise<Received> {
  const body = await readBody(incoming);
  return {
    method: incoming.method ?? 'GET',
    url: new URL(origin.origin + pathOf(incoming.url ?? '/')),
    headers: groupFields(incoming.rawHeaders),
    body: body ?? Buffer.alloc(0),
    tooLarge: body === undefined,
    gone,
  };
}

async function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of incoming) {
    size += (part as Buffer).length;
    if (size <= largestBody) parts.push(part as Buffer);
  }
  return size <= largestBody ? Buffer.concat(parts) : undefined;
}

function pathOf(target: string): string {
  if (target.startsWith('/')) return target;
  if (!URL.canParse(target)) return '/'; // such as `*`
  const url = new URL(target); // the absolute form, as a proxy gets it
  return url.pathname + url.search;
}

function groupFields(raw: readonly string[]): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = Object.create(null);
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = String(raw[index]).toLowerCase();
    const value = String(raw[index + 1]);
    const seen = fields[name];
    if (seen === undefined) fields[name] = value;
    else fields[name] = Array.isArray(seen) ? [...seen, value] : [seen, value];
  }
  return fields;
}
