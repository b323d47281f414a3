/**
 * A host of the 2026-07-28 revision: the SDK's client, pinned to it, with the face of the older
 * client, so that the end-to-end tests drive a server of either revision.
 */
import { Client } from '@modelcontextprotocol/client';
import type { Client as OlderClient } from '@modelcontextprotocol/sdk/client/index.js';
import type { ClientCapabilities } from '@modelcontextprotocol/sdk/types.js';

type CallTool = OlderClient['callTool'];
type OnMessage = (message: unknown, extra: unknown) => unknown;

/** The method that a schema of the older SDK is for. */
const methodOf = (schema: unknown) =>
  (schema as { shape: { method: { value: string } } }).shape.method.value;

export function createModernClient(capabilities: ClientCapabilities): OlderClient {
  const client = new Client(
    { name: 'test', version: '1' },
    { capabilities: capabilities as object, versionNegotiation: { mode: { pin: '2026-07-28' } } },
  );
  const { callTool } = client;
  const setRequestHandler = client.setRequestHandler.bind(client) as unknown as (
    method: string,
    onRequest: (request: unknown) => unknown,
  ) => void;
  const older = {
    callTool: ((params, _schema, options) =>
      callTool.call(client, params as never, options as never)) as CallTool,
    setRequestHandler: (schema: unknown, onRequest: OnMessage) =>
      setRequestHandler(methodOf(schema), (request) => onRequest(request, {})),
    // A server of this revision tells the host nothing outside of its calls.
    setNotificationHandler: () => {},
  };
  return Object.assign(client, older) as unknown as OlderClient;
}
