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
        export const Dispatcher = require('undici/lib/dispatcher/dispatcher.js');
        Object.assign(Dispatcher.prototype, require('undici/lib/api'));
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

/** What is loaded together: for the help, for the list of tools, for a command, for a call. */
const occasions = [
  ['src/cli/command.ts'],
  ['src/config/config.ts', 'src/mcp/serve.ts'],
  [
    'src/cli/fetch/fetch.ts',
    'src/cli/fetch/run.ts',
    'src/cli/status.ts',
    'src/cli/token.ts',
    'src/http/connections/node-client.ts',
    'src/rooms.ts',
  ],
  ['src/http/dispatcher.ts', 'src/mcp/server.ts', 'src/tool-calls.ts', 'src/tools/fetching.ts'],
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
    plugins: [usedOfUndici, usedOfCommander, withoutMapsOfOthers],
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

/**
 * Chunks that are loaded on the same occasions become one file, since each file costs a third of a
 * millisecond. In a chunk's own place stays a line that leads there.
 */
async function packTogether(folder, { outputs }) {
  const chunks = new Map(
    Object.entries(outputs).flatMap(([path, output]) => {
      const name = /chunks\/([^/]+\.js)$/.exec(path)?.[1];
      return name === undefined ? [] : [[name, output]];
    }),
  );
  const closureOf = (name, seen = new Set()) => {
    if (!chunks.has(name) || seen.has(name)) return seen;
    seen.add(name);
    for (const { path, kind } of chunks.get(name).imports) {
      if (kind === 'import-statement') closureOf(basename(path), seen);
    }
    return seen;
  };
  const loadedOn = occasions.map((sources) => {
    const entries = [...chunks].filter(([, { entryPoint }]) => sources.includes(entryPoint));
    if (entries.length !== sources.length) throw new Error(`not all are chunks: ${sources}`);
    return new Set(entries.flatMap(([name]) => [...closureOf(name)]));
  });
  const packs = new Map();
  for (const name of chunks.keys()) {
    const key = loadedOn.map((names) => (names.has(name) ? 1 : 0)).join('');
    if (/1/.test(key)) packs.set(key, [...(packs.get(key) ?? []), name]);
  }
  const place = join(folder, 'chunks');
  const nameOf = (key) => `./together-${parseInt(key, 2)}.js`;
  const homes = Object.fromEntries(
    [...packs].flatMap(([key, names]) => names.map((name) => [name, nameOf(key)])),
  );
  for (const [key, names] of packs) {
    const pack = basename(nameOf(key));
    // In parentheses, V8 compiles a function at once instead of reading it twice.
    let text = 'const made={},makers={';
    const sections = [];
    for (const name of names) {
      text += `\n${JSON.stringify(name)}:(function(module,exports,require){\n`;
      const map = JSON.parse(await readFile(join(place, `${name}.map`), 'utf8'));
      sections.push({ offset: { line: text.split('\n').length - 1, column: 0 }, map });
      const code = await readFile(join(place, name), 'utf8');
      text += `${code.replace(/\/\/# sourceMappingURL=.*\n$/, '')}}),`;
      await writeFile(
        join(place, name),
        `module.exports=require("./${pack}")(${JSON.stringify(name)});\n`,
      );
      await rm(join(place, `${name}.map`));
    }
    text += `};
const homes=${JSON.stringify(homes)};
const own=(path)=>{const name=path.slice(2);return Object.hasOwn(makers,name)?get(name):path.startsWith("./")&&Object.hasOwn(homes,name)?require(homes[name])(name):require(path)};
function get(name){if(!Object.hasOwn(made,name)){const module=made[name]={exports:{}};makers[name](module,module.exports,own)}return made[name].exports}
module.exports=get;
//# sourceMappingURL=${pack}.map\n`;
    await writeFile(join(place, pack), text);
    await writeFile(join(place, `${pack}.map`), JSON.stringify({ version: 3, sections }));
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
