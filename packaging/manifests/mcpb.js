// manifest.json of the MCP bundle (MCPB 0.3), which Claude Desktop and others install by a click.
import { plainText } from '../source.js';

/** @param {import('../source.js').Source} source @param {{ name: string, description: string }[]} tools */
export function mcpbManifest(source, tools) {
  const asked = Object.entries(source.variables).filter(([, { title }]) => title !== undefined);
  const key = (name) => name.replace(/^CF_ACCESS_/, '').toLowerCase();
  return {
    manifest_version: '0.3',
    name: source.name,
    display_name: 'Cloudflare Access',
    version: source.version,
    description: source.description,
    author: { name: source.author, url: source.repository },
    repository: { type: 'git', url: source.repository },
    homepage: `${source.repository}#readme`,
    documentation: `${source.repository}/blob/main/docs/troubleshooting.md`,
    support: `${source.repository}/issues`,
    icon: 'icon.png',
    icons: [{ src: 'icon.png', size: '512x512' }],
    server: {
      type: 'node',
      entry_point: source.program,
      mcp_config: {
        command: 'node',
        args: [`\${__dirname}/${source.program}`],
        env: Object.fromEntries(asked.map(([name]) => [name, `\${user_config.${key(name)}}`])),
      },
    },
    tools,
    keywords: source.keywords,
    license: source.license,
    compatibility: {
      platforms: ['darwin', 'win32', 'linux'],
      runtimes: { node: source.node },
    },
    user_config: Object.fromEntries(
      asked.map(([name, { title, meaning, secret }]) => [
        key(name),
        {
          type: 'string',
          title,
          description: plainText(meaning),
          sensitive: secret ?? false,
          required: false,
          // Without a default, a field that was left empty would arrive as “${user_config.…}”.
          default: '',
        },
      ]),
    ),
  };
}
