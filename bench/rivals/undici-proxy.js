/**
 * The least that a reverse proxy over undici can do: the request on, the answer back, a token added.
 * `ORIGIN TOKEN`.
 */
import { createServer } from 'node:http';
import { pipeline } from 'node:stream';
import { Agent } from 'undici';

const [origin, token] = process.argv.slice(2);
const agent = new Agent({ connections: 512, headersTimeout: 0, bodyTimeout: 0 });

const server = createServer({ requestTimeout: 0 }, async (request, response) => {
  const headers = { ...request.headers };
  for (const name of ['host', 'connection', 'expect', 'transfer-encoding']) delete headers[name];
  try {
    const hasBody = request.method === 'PUT' || request.method === 'POST';
    const answer = await agent.request({
      origin,
      path: request.url,
      method: request.method,
      headers: { ...headers, authorization: `Bearer ${token}` },
      body: hasBody ? request : null,
    });
    const { connection: ____, 'keep-alive': _____, ...fields } = answer.headers;
    response.writeHead(answer.statusCode, fields);
    pipeline(answer.body, response, () => {});
  } catch {
    response.destroy();
  }
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ port: server.address().port })}\n`);
});
