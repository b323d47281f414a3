// The plugins of agents that run in a terminal. All start `node` on the packed program: `npx` asks the
// registry first, and hosts give up on servers that are slow at their first start.

/**
 * Short, because Claude Code joins plugin, server and tool to a name of at most 64 characters:
 * mcp__plugin_cloudflare-access_access__detect_protection.
 */
const serverInPlugin = 'access';

/** Each host's own word for the folder that the plugin was installed to. */
const claudeFolder = `\${CLAUDE_PLUGIN_ROOT}`;
const geminiFolder = `\${extensionPath}`;
const agentPluginFolder = `\${PLUGIN_ROOT}`;

/** @param {import('../source.js').Source} source */
function about(source) {
  return {
    name: source.server,
    version: source.version,
    description: source.description,
    author: { name: source.author, url: source.repository },
    homepage: `${source.repository}#readme`,
    repository: source.repository,
    license: source.license,
    keywords: source.keywords,
  };
}

/** `root` is how the host spells the plugin's folder. */
const started = ({ program }, root) => ({
  [serverInPlugin]: { command: 'node', args: [`${root}/${program}`] },
});

/** .claude-plugin/plugin.json; its servers are in .mcp.json, its skill in skills/. @param {import('../source.js').Source} source */
export const claudePlugin = (source) => about(source);

/** .mcp.json of the plugin. @param {import('../source.js').Source} source */
export const claudeServers = (source) => ({
  mcpServers: started(source, claudeFolder),
});

/**
 * .claude-plugin/marketplace.json of the repository. The plugin is the package on npm: nothing that is
 * built is committed, and the package needs no files of Claude Code's.
 *
 * @param {import('../source.js').Source} source
 */
export function claudeMarketplace(source) {
  return {
    $schema: 'https://json.schemastore.org/claude-code-marketplace.json',
    name: source.name,
    description: source.description,
    owner: { name: source.author },
    plugins: [
      {
        ...about(source),
        source: { source: 'npm', package: source.name, version: source.version },
        category: 'development',
        strict: false,
        mcpServers: started(source, claudeFolder),
        skills: './dist/skills/',
      },
    ],
  };
}

/** gemini-extension.json. @param {import('../source.js').Source} source */
export function geminiExtension(source) {
  const { name, version, description } = about(source);
  const [[server, entry]] = Object.entries(started(source, geminiFolder));
  // Gemini CLI hands on what is listed, and drops other variables whose names look like secrets. It is
  // not told of `settings`: it would call those that nobody needs missing, at every start.
  const env = Object.keys(source.variables).map((each) => [each, `\${${each}:-}`]);
  return {
    name,
    version,
    description,
    mcpServers: { [server]: { ...entry, env: Object.fromEntries(env) } },
  };
}

/** plugin.json of the Agent Plugins format, which Codex reads. @param {import('../source.js').Source} source */
export function agentPlugin(source) {
  const { author, ...rest } = about(source);
  return {
    $schema: 'https://agent-plugins.org/schemas/1.0.0/plugin.schema.json',
    ...rest,
    author: { name: author.name },
  };
}

/** mcp.json of that format. @param {import('../source.js').Source} source */
export function agentPluginServers(source) {
  const [[server, entry]] = Object.entries(started(source, agentPluginFolder));
  return {
    $schema: 'https://agent-plugins.org/schemas/1.0.0/mcp.schema.json',
    mcpServers: { [server]: { type: 'stdio', ...entry } },
  };
}
