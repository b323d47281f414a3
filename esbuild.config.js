// Bundles src/main.ts and what it imports into dist/, so that the package needs no dependency tree.
// Splitting puts whatever is imported with `import()` into separate files, which are loaded on first use.
import { execFileSync } from 'node:child_process';
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, transform } from 'esbuild';
import { skill, skillPath } from './packaging/skill.js';

const { version } = JSON.parse(await readFile('package.json', 'utf8'));
const fresh = await mkdtemp('dist-');
// Another folder, to measure a clean package while servers run from dist/.
const { values: wanted } = parseArgs({
  options: { clean: { type: 'boolean' }, out: { type: 'string', default: 'dist' } },
});

/**
 * Source maps cover the program's own sources only; with those of packages and the sandbox they would be
 * larger than the code.
 */
const withoutMapsOfOthers = {
  name: 'without-maps-of-others',
  setup({ onLoad }) {
    // An empty source map, unlike a missing one, keeps a file out of the bundle's map.
    const map = Buffer.from('{"version":3,"sources":[""],"mappings":"AAAA"}').toString('base64');
    onLoad({ filter: /node_modules.*\.[cm]?js$|src.sandbox.*\.ts$/ }, async ({ path }) => ({
      contents: `${await readFile(path, 'utf8')}\n//# sourceMappingURL=data:application/json;base64,${map}`,
      loader: path.endsWith('.ts') ? 'ts' : 'js',
    }));
  },
};

/**
 * Only the parts of undici that src/http imports; its index would add fetch, WebSockets, a cache and
 * mocks.
 */
const usedOfUndici = {
  name: 'used-of-undici',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^undici$/ }, () => ({ path: 'undici', namespace: 'used' }));
    onLoad({ filter: /.*/, namespace: 'used' }, () => ({
      contents: `
        // Tunnels through a proxy are made with it.
        require('undici/lib/dispatcher/dispatcher.js').prototype.connect = require('undici/lib/api/api-connect.js');
        export const Agent = require('undici/lib/dispatcher/agent.js');
        export const Pool = require('undici/lib/dispatcher/pool.js');
        export const ProxyAgent = require('undici/lib/dispatcher/proxy-agent.js');`,
      resolveDir: process.cwd(),
    }));
  },
};

/** Commands that are programs of their own are not used; what starts those takes long to load. */
const usedOfCommander = {
  name: 'used-of-commander',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      /node_modules.commander/.test(importer) ? { path: 'none', namespace: 'unused' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/**
 * The SDK's server validates what people enter in forms, with a library that takes longer to load than
 * the rest of it. This server shows no forms (`mcp/ask-person.ts`).
 */
const usedOfSdk = {
  name: 'used-of-sdk',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /validation.ajv-provider\.js$/ }, ({ importer }) =>
      /sdk.dist.esm.server/.test(importer)
        ? { path: 'no-forms', namespace: 'no-forms' }
        : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'no-forms' }, () => ({
      contents: `
        export class AjvJsonSchemaValidator {
          getValidator() {
            throw new Error('no forms are shown');
          }
        }`,
    }));
  },
};

const options = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.18',
  minifySyntax: true,
  minifyWhitespace: true,
  minifyIdentifiers: true,
  legalComments: 'none', // they are in THIRD-PARTY-LICENSES.txt
  define: { VERSION: JSON.stringify(version) },
  // Some libraries in the bundle are CommonJS and call require() for Node's own modules.
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
};

/**
 * What is loaded together becomes one file, since each file costs more than a millisecond: what the
 * entries import, and what two groups of packs share, without what an earlier pack has.
 */
const packs = [
  {
    name: 'start',
    entries: ['src/main.ts', 'src/cli/command.ts', 'src/config/config.ts', 'src/mcp/serve.ts'],
    alsoSharedBy: [['command-line'], ['kept-session']],
  },
  {
    name: 'kept-session',
    entries: ['src/rooms.ts'],
    alsoSharedBy: [['command-line'], ['request', 'call']],
  },
  {
    name: 'command-line',
    entries: ['src/cli/program.ts', 'src/cli/status.ts', 'src/cli/token.ts'],
  },
  {
    name: 'request',
    entries: [
      'src/access/asking.ts',
      'src/http/protocol-fetch.ts',
      'src/http/proxy-rules.ts',
      'src/http/send.ts',
    ],
    alsoSharedBy: [['fetch'], ['call']],
  },
  {
    name: 'fetch',
    entries: [
      'src/cli/fetch/fetch.ts',
      'src/cli/fetch/run.ts',
      'src/http/connections/node-client.ts',
    ],
  },
  {
    name: 'call',
    entries: [
      'src/http/dispatcher.ts',
      'src/mcp/server.ts',
      'src/tool-calls.ts',
      'src/tools/fetching.ts',
    ],
  },
];

try {
  const { metafile } = await build({
    ...options,
    metafile: true,
    entryPoints: [
      'src/main.ts',
      'src/host/browser/open-browser.ts',
      'src/answer/page-worker.ts',
      'src/files/hash-worker.ts',
    ],
    outdir: fresh,
    entryNames: '[name]',
    chunkNames: 'chunks/[name]-[hash]',
    splitting: true,
    sourcemap: true,
    sourcesContent: false,
    plugins: [usedOfUndici, usedOfCommander, usedOfSdk, withoutMapsOfOthers],
  });
  await asCommonJs(fresh);
  await packTogether(fresh, metafile);
  // On Linux `open` starts this script of its own, and looks for it beside the file that imports it.
  await copyFile('node_modules/open/xdg-open', join(fresh, 'xdg-open'));
  await chmod(join(fresh, 'xdg-open'), 0o755);
  await chmod(join(fresh, 'main.js'), 0o755);

  await writeFile(join(fresh, 'THIRD-PARTY-LICENSES.txt'), await licences(metafile));
  await mkdir(dirname(join(fresh, skillPath)), { recursive: true });
  await writeFile(join(fresh, skillPath), await skill('.'));

  await record('src/mcp/record-handshake.ts', 'handshake.json');
  await record('src/cli/record-commands.ts', 'commands.json');

  // The tests build while servers are running, whose chunks must remain. So files are replaced one by one,
  // and only a clean build removes the files of earlier builds.
  if (wanted.clean) await rm(wanted.out, { recursive: true, force: true });
  for (const name of await readdir(fresh, { recursive: true, withFileTypes: true })) {
    if (name.isDirectory()) continue;
    const from = join(name.parentPath, name.name);
    const to = join(wanted.out, from.slice(fresh.length + 1));
    await mkdir(dirname(to), { recursive: true });
    await move(from, to);
  }
} finally {
  await rm(fresh, { recursive: true, force: true });
}

/** What a program of the build prints, for the bundle to know without loading what says it. */
async function record(program, name) {
  const recorder = join(fresh, `record-${name}.mjs`);
  await build({ ...options, entryPoints: [program], outfile: recorder, plugins: [usedOfUndici] });
  await writeFile(join(fresh, name), execFileSync(process.execPath, [recorder]));
  await rm(recorder);
}

/**
 * CommonJS starts in a fifth less time than ES modules, and loads a file in less than half. Only
 * modules can be split by esbuild, so each file is turned into CommonJS afterwards.
 */
async function asCommonJs(folder) {
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith('.js')) continue;
    const file = join(folder, name);
    const text = (await readFile(file, 'utf8')).replace(options.banner.js, '');
    const map = await readFile(`${file}.map`, 'base64');
    const inline = text.replace(
      /\n\/\/# sourceMappingURL=.*\n$/,
      `\n//# sourceMappingURL=data:application/json;base64,${map}`,
    );
    const { code, map: mapOfBoth } = await transform(inline, {
      format: 'cjs',
      platform: 'node',
      target: options.target,
      supported: { 'dynamic-import': false },
      define: { 'import.meta.url': 'fileUrl' },
      banner: /import\.meta\.url/.test(text)
        ? "const fileUrl=require('node:url').pathToFileURL(__filename).href;"
        : '',
      minifySyntax: true,
      minifyWhitespace: true,
      minifyIdentifiers: true,
      legalComments: 'none',
      sourcemap: 'external',
      sourcesContent: false,
      sourcefile: name,
    });
    await writeFile(file, `${code}//# sourceMappingURL=${basename(name)}.map\n`);
    await writeFile(`${file}.map`, mapOfBoth);
  }
  await writeFile(join(folder, 'package.json'), '{"type":"commonjs"}\n');
}

/** Makes the packs. In a chunk's own place stays a line that leads there, and so in that of main.js. */
async function packTogether(folder, { outputs }) {
  const place = join(folder, 'chunks');
  const chunks = new Map(
    Object.entries(outputs).flatMap(([path, output]) =>
      /(?:chunks\/[^/]+|\/main)\.js$/.test(path) ? [[basename(path), output]] : [],
    ),
  );
  const closureOf = (name, seen = new Set()) => {
    if (!chunks.has(name) || seen.has(name)) return seen;
    seen.add(name);
    for (const { path, kind } of chunks.get(name).imports) {
      if (kind === 'import-statement') closureOf(basename(path), seen);
    }
    return seen;
  };
  const loadedBy = (entries) => {
    const found = [...chunks].filter(([, { entryPoint }]) => entries.includes(entryPoint));
    if (found.length !== entries.length) throw new Error(`not all are chunks: ${entries}`);
    return new Set(found.flatMap(([name]) => [...closureOf(name)]));
  };
  const homes = new Map();
  for (const pack of packs) {
    const names = loadedBy(pack.entries);
    const [some, others] = (pack.alsoSharedBy ?? [[], []]).map((sharers) =>
      loadedBy(
        packs.filter(({ name }) => sharers.includes(name)).flatMap(({ entries }) => entries),
      ),
    );
    for (const name of some) if (others.has(name)) names.add(name);
    for (const name of names) if (!homes.has(name)) homes.set(name, `./${pack.name}.js`);
  }
  for (const { name: packName } of packs) {
    const pack = `./${packName}.js`;
    // In parentheses, V8 compiles a function at once instead of reading it twice.
    let text = 'const made={},makers={';
    const sections = [];
    const elsewhere = {};
    for (const [name, home] of homes) {
      if (home !== pack) continue;
      const isMain = name === 'main.js';
      const file = isMain ? join(folder, name) : join(place, name);
      text += `\n${JSON.stringify(name)}:(function(module,exports,require${isMain ? ',__filename' : ''}){\n`;
      const map = JSON.parse(await readFile(`${file}.map`, 'utf8'));
      map.sources = map.sources.map((source) => (isMain ? `../${source}` : source));
      sections.push({ offset: { line: text.split('\n').length - 1, column: 0 }, map });
      const code = await readFile(file, 'utf8');
      text += `${code.replace(/^#!.*/, '').replace(/\/\/# sourceMappingURL=.*\n$/, '')}}),`;
      for (const { path } of chunks.get(name).imports) {
        const to = homes.get(basename(path));
        if (to !== undefined && to !== pack) elsewhere[basename(path)] = to;
      }
      const toPack = isMain ? `./chunks/${packName}.js` : pack;
      const line = `require("${toPack}")(${JSON.stringify(name)}${isMain ? ',__filename' : ''});\n`;
      await writeFile(file, isMain ? `#!/usr/bin/env node\n${line}` : `module.exports=${line}`);
      await rm(`${file}.map`);
    }
    text += `};
const elsewhere=${JSON.stringify(elsewhere)};
const load=(path)=>{const name=path.slice(path.lastIndexOf("/")+1);return Object.hasOwn(makers,name)?get(name):Object.hasOwn(elsewhere,name)?require(elsewhere[name])(name):require(path.replace("./chunks/","./"))};
function get(name,file){if(!Object.hasOwn(made,name)){const module=made[name]={exports:{}};makers[name](module,module.exports,load,file)}return made[name].exports}
module.exports=get;
//# sourceMappingURL=${packName}.js.map\n`;
    await writeFile(join(place, `${packName}.js`), text);
    await writeFile(join(place, `${packName}.js.map`), JSON.stringify({ version: 3, sections }));
  }
}

/** `rename` that also works across file systems. */
async function move(from, to) {
  await rename(from, to).catch(async (error) => {
    if (error.code !== 'EXDEV') throw error;
    await copyFile(from, to);
  });
}

/** The licences of all packages in the bundle; most licences require their full text to be included. */
async function licences({ outputs }) {
  const inputs = Object.values(outputs).flatMap((output) =>
    Object.entries(output.inputs).flatMap(([path, { bytesInOutput }]) =>
      bytesInOutput > 0 ? [path] : [],
    ),
  );
  const folders = new Set(
    inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []),
  );
  /** @type {Map<string, string[]>} Packages of one author often have identical licence texts. */
  const namesByText = new Map();
  for (const folder of [...folders].sort()) {
    const { name, version, license } = JSON.parse(
      await readFile(join(folder, 'package.json'), 'utf8'),
    );
    const files = (await readdir(folder)).filter((file) => /^(?:licen[cs]e|notice)/i.test(file));
    const whole = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
    if (files.length === 0 && license === undefined) throw new Error(`${name} has no licence`);
    const text = whole.map((each) => each.trim().replaceAll('\r\n', '\n')).join('\n\n');
    const names = namesByText.get(text) ?? [];
    namesByText.set(text, [...names, `${name} ${version} (${license})`]);
  }
  // The package is under the MIT licence, but the list compiled into it has a licence of its own.
  const withList = [...namesByText].find(([, names]) => names.some((name) => /^tldts/.test(name)));
  if (withList) {
    namesByText.set(
      'Licence: Mozilla Public License 2.0, https://www.mozilla.org/MPL/2.0/\nSource: https://publicsuffix.org/list/public_suffix_list.dat (https://github.com/publicsuffix/list)\nThe list is unchanged but for its form: the bundle holds it as tldts compiles it.',
      ['Public Suffix List, as it is contained in tldts (MPL-2.0)'],
    );
  }
  const rule = `\n\n${'-'.repeat(80)}\n\n`;
  const parts = [...namesByText].map(([text, names]) => `${names.join('\n')}\n\n${text}`.trim());
  return `${parts.join(rule)}\n`;
}
