/** An origin on loopback that keeps what it was sent and answers what a test says. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

export interface Recorded {
  readonly method: string;
  readonly target: string;
  /** By their names in lower case. */
  readonly fields: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface RecordingOrigin {
  readonly url: (path?: string) => string;
  readonly requests: Recorded[];
}

type Answer = (request: Recorded, response: ServerResponse) => void | Promise<void>;

export async function recordingOrigin(
  answer: Answer = (_, response) => void response.end('ok'),
): Promise<RecordingOrigin> {
  const requests: Recorded[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await buffer(request);
    const { method = '', url: target = '' } = request;
    const fields = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    const recorded = { method, target, fields, body };
    requests.push(recorded);
    await answer(recorded, response);
  };
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: (path = '/') => `http://127.0.0.1:${port}${path}`, requests };
}
