// The hosts: how each is given the server, asked for its tools, and set to work with a scripted model.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export const serverName = 'cloudflare-access';
const prompt = 'Do the job.';

/**
 * `command`: how the server is started, with `environment` of its own. `host` runs the host's program
 * and gives what it printed; `talk` says lines to it until `last` has been answered.
 *
 * @typedef {{ home: string, project: string, command: string[], environment: Record<string, string>, host: (args: string[], environment?: Record<string, string>) => Promise<string>, talk: (args: string[], lines: object[], last: RegExp) => Promise<string>, place: string, prefix?: string }} Place
 * @typedef {{ bin: string, register: (place: Place) => Promise<unknown>, list: (place: Place) => Promise<string>, says: RegExp, work: (place: Place, model: string) => Promise<string>, remote?: RemoteEntry }} Host
 *
 * How it is given a remote server behind Access; `afterLogin`: a person has signed in before.
 *
 * @typedef {{ by: string, afterLogin: boolean, register: (place: Place, url: string) => Promise<unknown>, list: (place: Place) => Promise<string>, says: RegExp }} RemoteEntry
 */

async function write(path, content) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
}

/** `mcp list` starts no server; the app server that editors talk to does. */
const askAppServer = ({ talk }) =>
  talk(
    ['app-server'],
    [
      { id: 1, method: 'initialize', params: { clientInfo: { name: 'test', version: '1' } } },
      { method: 'initialized' },
      { id: 2, method: 'mcpServerStatus/list', params: {} },
    ],
    /"id":2,/,
  );

/** @type {Record<string, Host>} */
export const hosts = {
  'Claude Code': {
    bin: 'claude',
    remote: {
      by: 'headersHelper',
      afterLogin: true,
      register: ({ host }, url) => {
        const entry = { type: 'http', url, headersHelper: 'cloudflare-access-mcp headers' };
        return host(['mcp', 'add-json', '--scope', 'user', 'internal', JSON.stringify(entry)]);
      },
      list: ({ host }) => host(['mcp', 'list']),
      says: /internal: .*Connected/,
    },
    register: ({ host, command, environment }) =>
      host([
        ...['mcp', 'add', '--scope', 'user', serverName],
        ...Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
        ...['--', ...command],
      ]),
    list: ({ host }) => host(['mcp', 'list']),
    says: /cloudflare-access: .*Connected/,
    work: ({ host, prefix = `mcp__${serverName}` }, model) =>
      host(['-p', prompt, '--allowedTools', prefix, '--model', 'claude-sonnet-4-5'], {
        ANTHROPIC_BASE_URL: model,
        ANTHROPIC_API_KEY: 'scripted',
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        DISABLE_AUTOUPDATER: '1',
      }),
  },
  OpenCode: {
    bin: 'opencode',
    remote: {
      by: 'connect',
      afterLogin: false,
      register: ({ home, environment }, url) =>
        write(join(home, '.config', 'opencode', 'opencode.json'), {
          autoupdate: false,
          mcp: {
            internal: {
              type: 'local',
              command: ['cloudflare-access-mcp', 'connect', url],
              environment,
              timeout: 30_000,
            },
          },
        }),
      list: ({ host }) => host(['mcp', 'list']),
      says: /internal.*connected/,
    },
    register: ({ home, command, environment }) =>
      write(join(home, '.config', 'opencode', 'opencode.json'), {
        autoupdate: false,
        mcp: { [serverName]: { type: 'local', command, environment } },
        provider: {
          scripted: {
            npm: '@ai-sdk/openai-compatible',
            name: 'Scripted',
            options: { baseURL: '{env:SCRIPTED_MODEL}/v1', apiKey: 'scripted' },
            models: { scripted: { name: 'Scripted' } },
          },
        },
      }),
    list: ({ host }) => host(['mcp', 'list']),
    says: /cloudflare-access.*connected/,
    work: ({ host }, model) =>
      host(['run', '--model', 'scripted/scripted', prompt], {
        SCRIPTED_MODEL: model,
        OPENCODE_DISABLE_MODELS_FETCH: 'true',
      }),
  },
  'Gemini CLI': {
    bin: 'gemini',
    register: ({ home, command: [program, ...args], environment }) =>
      write(join(home, '.gemini', 'settings.json'), {
        security: { folderTrust: { enabled: false }, auth: { selectedType: 'gemini-api-key' } },
        general: { disableAutoUpdate: true },
        privacy: { usageStatisticsEnabled: false },
        mcpServers: { [serverName]: { command: program, args, env: environment } },
      }),
    list: ({ host }) => host(['mcp', 'list']),
    says: /cloudflare-access: .*Connected/,
    work: ({ host }, model) =>
      host(['--prompt', prompt, '--approval-mode', 'yolo', '--model', 'gemini-2.5-pro'], {
        GEMINI_API_KEY: 'scripted',
        GOOGLE_GEMINI_BASE_URL: model,
      }),
  },
  Codex: {
    bin: 'codex',
    remote: {
      by: 'http_headers_helper',
      afterLogin: true,
      register: ({ home }, url) =>
        write(
          join(home, '.codex', 'config.toml'),
          `[mcp_servers.internal]\nurl = "${url}"\nhttp_headers_helper = "cloudflare-access-mcp headers ${url}"\n`,
        ),
      list: askAppServer,
      says: /"name":"internal".*"look_up"/,
    },
    async register({ host, home, command, environment }) {
      await write(join(home, '.codex', 'config.toml'), '');
      await host([
        ...['mcp', 'add', serverName],
        ...Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
        ...['--', ...command],
      ]);
    },
    list: askAppServer,
    says: /"name":"cloudflare-access".*"access_fetch"/,
    work: ({ host }, model) => {
      const provider = `{name="Scripted",base_url="${model}/v1",wire_api="responses",env_key="SCRIPTED_KEY"}`;
      const settings = ['model_provider="scripted"', `model_providers.scripted=${provider}`];
      return host(
        [
          ...['exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox'],
          ...['--model', 'scripted', ...settings.flatMap((each) => ['-c', each]), prompt],
        ],
        { SCRIPTED_KEY: 'scripted' },
      );
    },
  },
};
