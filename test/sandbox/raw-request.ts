/** A request with exactly these header fields, repeated ones too, which `fetch` would not send. */
import { request } from 'node:http';

export interface RawAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

export interface RawOptions {
  method?: string;
  /** `[name, value]`, in order. */
  fields?: [string, string][];
  /** Connects there whatever the URL's host is. */
  address?: string;
  body?: string;
}

export function rawRequest(url: URL | string, options: RawOptions = {}): Promise<RawAnswer> {
  const { protocol, port, pathname, search, host } = new URL(url);
  const { method = 'GET', fields = [], address = '127.0.0.1', body } = options;
  const headers = fields.flat();
  if (!fields.some(([name]) => name.toLowerCase() === 'host')) headers.push('host', host);
  if (body !== undefined) headers.push('content-length', String(Buffer.byteLength(body)));
  return new Promise((resolve, reject) => {
    const path = pathname + search;
    request({ protocol, host: address, port, path, method, headers }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: Buffer.concat(parts).toString(),
        }),
      );
    })
      .on('error', reject)
      .end(body);
  });
}

/** The parsed body of an answer, as an object. */
export async function readJson<T = Record<string, unknown>>(answer: Response): Promise<T> {
  return (await answer.json()) as T;
}
