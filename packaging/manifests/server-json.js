// server.json for the MCP Registry, in the form of https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json
import { plainText } from '../source.js';

/** @param {import('../source.js').Source} source */
export function serverJson(source) {
  return {
    $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
    name: source.mcpName,
    title: 'Cloudflare Access',
    description: source.description,
    websiteUrl: `${source.repository}#readme`,
    repository: { url: source.repository, source: 'github' },
    version: source.version,
    packages: [
      {
        registryType: 'npm',
        identifier: source.name,
        version: source.version,
        runtimeHint: source.command,
        transport: { type: 'stdio' },
        environmentVariables: Object.entries(source.variables).map(([name, variable]) => ({
          name,
          description: plainText(variable.meaning),
          format: variable.format ?? 'string',
          isRequired: false,
          isSecret: variable.secret ?? false,
        })),
      },
    ],
  };
}
