// The plugins: how each host checks one, installs it, and what its agent then calls the tools.
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const plugin = 'cloudflare-access';
/** As the skill begins to describe itself: what the agent is shown of it from the first request on. */
export const skillSays = 'Reach URLs behind Cloudflare Access';

/**
 * `made`: the folder that `npm run pack:plugins` fills. `prefix`: before the names of the tools, as the
 * agent sees them. A plugin without `work` is only listed.
 *
 * @typedef {import('./hosts.js').Place} Place
 * @typedef {{ title: string, check?: (place: Place, made: string) => Promise<string>, fine?: RegExp, register: (place: Place, made: string) => Promise<unknown>, lists: RegExp, prefix: string, works: boolean }} Plugin
 * @type {Record<string, Plugin[]>}
 */
export const plugins = {
  'Claude Code': [
    {
      title: 'the plugin, from a folder',
      check: async ({ host }, made) =>
        (await host(['plugin', 'validate', '--strict', join(made, 'plugin')])) +
        (await host(['plugin', 'validate', '--strict', root])),
      fine: /Validation passed[^✘]*Validation passed/,
      async register({ host, place }, made) {
        const marketplace = join(place, 'marketplace');
        await cp(join(made, 'plugin'), join(marketplace, 'plugin'), { recursive: true });
        await mkdir(join(marketplace, '.claude-plugin'));
        await writeFile(
          join(marketplace, '.claude-plugin', 'marketplace.json'),
          JSON.stringify({
            name: 'folder',
            owner: { name: 'test' },
            plugins: [{ name: plugin, source: './plugin' }],
          }),
        );
        return host(['plugin', 'install', plugin, '--marketplace', marketplace]);
      },
      lists: /plugin:cloudflare-access:access: .*Connected/,
      prefix: 'mcp__plugin_cloudflare-access_access',
      works: true,
    },
    {
      title: 'the plugin, from npm, by this repository’s marketplace',
      async register({ host, place }, made) {
        const marketplace = join(place, 'marketplace');
        await cp(join(root, '.claude-plugin'), join(marketplace, '.claude-plugin'), {
          recursive: true,
        });
        const registry = await startRegistry(made);
        try {
          return await host(['plugin', 'install', plugin, '--marketplace', marketplace], {
            npm_config_registry: registry.origin,
          });
        } finally {
          registry.close();
        }
      },
      lists: /plugin:cloudflare-access:access: .*Connected/,
      prefix: 'mcp__plugin_cloudflare-access_access',
      works: true,
    },
  ],
  'Gemini CLI': [
    {
      title: 'the extension',
      check: ({ host }, made) => host(['extensions', 'validate', join(made, 'gemini-extension')]),
      fine: /successfully validated/,
      async register({ host, home }, made) {
        await mkdir(join(home, '.gemini'), { recursive: true });
        await writeFile(
          join(home, '.gemini', 'settings.json'),
          JSON.stringify({
            security: { folderTrust: { enabled: false }, auth: { selectedType: 'gemini-api-key' } },
            general: { disableAutoUpdate: true },
            privacy: { usageStatisticsEnabled: false },
          }),
        );
        return host(['extensions', 'install', join(made, 'gemini-extension'), '--consent']);
      },
      lists: /access \(from cloudflare-access\): .*Connected/,
      prefix: 'mcp_access',
      works: true,
    },
  ],
  Codex: [
    {
      title: 'the plugin',
      async register({ host, home, place }, made) {
        await mkdir(join(home, '.codex'), { recursive: true });
        const marketplace = join(place, 'marketplace');
        await cp(join(made, 'plugin'), join(marketplace, 'plugin'), { recursive: true });
        await mkdir(join(marketplace, '.claude-plugin'));
        await writeFile(
          join(marketplace, '.claude-plugin', 'marketplace.json'),
          JSON.stringify({
            name: 'folder',
            owner: { name: 'test' },
            plugins: [{ name: plugin, source: './plugin' }],
          }),
        );
        await host(['plugin', 'marketplace', 'add', marketplace]);
        return host(['plugin', 'add', `${plugin}@folder`]);
      },
      lists: /"name":"access".*"access_fetch"/,
      prefix: 'mcp__access',
      // Codex hands a plugin's server no variables, and starts it in the plugin's own folder.
      works: false,
    },
  ],
};

/** A registry that has the packed package and nothing else. */
async function startRegistry(made) {
  const about = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const { devDependencies, scripts, ...published } = about;
  const tarball = await readFile(join(made, `${about.name}-${about.version}.tgz`));
  const server = createServer(({ url, headers }, response) => {
    const address = `http://${headers.host}/${about.name}/-/${about.name}.tgz`;
    const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
    const version = { ...published, dist: { tarball: address, integrity } };
    if (url === `/${about.name}`) {
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          name: about.name,
          'dist-tags': { latest: about.version },
          versions: { [about.version]: version },
        }),
      );
    } else if (url === new URL(address).pathname) {
      response.end(tarball);
    } else {
      response.writeHead(404).end('{}');
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}
