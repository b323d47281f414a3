/** The SDK's MCP server on a port of its own, as a process that can be killed: `startRemoteServer` bundles it. */
import { createServer } from 'node:http';
import { createRemoteMcp } from '../support/remote-mcp.ts';

const { onRequest, forget } = createRemoteMcp();
createServer({ requestTimeout: 0 }, onRequest).listen(Number(process.argv[2]));
process.on('SIGUSR2', forget);
