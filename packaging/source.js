// What the package is, read where it is written: package.json, and the variables of src/config/variables.ts.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';

export const root = fileURLToPath(new URL('../', import.meta.url));

/**
 * @typedef {{ meaning: string, otherwise: string, secret?: true, format?: string, alias?: string, title?: string }} Variable
 * @typedef {Readonly<{ name: string, version: string, description: string, author: string, license: string, keywords: string[], node: string, repository: string, mcpName: string, server: string, command: string, args: string[], program: string, variables: Record<string, Variable> }>} Source
 * @returns {Promise<Source>}
 */
export async function readSource(folder = root) {
  const about = JSON.parse(await readFile(`${folder}/package.json`, 'utf8'));
  const repository = repositoryOf(about);
  return {
    name: about.name,
    version: about.version,
    description: about.description,
    author: about.author,
    license: about.license,
    keywords: about.keywords,
    node: about.engines.node,
    repository,
    mcpName: `io.github.${repository.split('/').slice(-2).join('/')}`,
    // What hosts call the server: short, since they put it before the name of each tool.
    server: about.name.replace(/-mcp$/, ''),
    command: 'npx',
    args: ['-y', about.name],
    /** Within the package, for those who start it without npx. */
    program: about.bin[about.name],
    variables: await readVariables(folder),
  };
}

/** @returns {string} such as https://github.com/owner/name */
function repositoryOf({ repository: { url } }) {
  const [, address] = /^git\+(https:\/\/github\.com\/[\w.-]+\/[\w.-]+)\.git$/.exec(url) ?? [];
  if (address === undefined) throw new Error(`package.json: ${url} is not a repository on GitHub`);
  return address;
}

/** @returns {Promise<Record<string, Variable>>} */
async function readVariables(folder) {
  const text = await readFile(`${folder}/src/config/variables.ts`, 'utf8');
  const { code } = await transform(text, { loader: 'ts', format: 'esm' });
  const loaded = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  return loaded.variables;
}

/** Markdown as plain words, for forms and manifests. */
export function plainText(markdown) {
  return markdown.replaceAll('`', '');
}
