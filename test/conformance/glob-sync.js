/**
 * Loaded before the suites on Node 20: they import `globSync` for a mode that is not used here, and
 * Node has it only since 22.
 */
import fs from 'node:fs';
import { register } from 'node:module';

const module = (/** @type {string} */ source) =>
  `data:text/javascript,${encodeURIComponent(source)}`;

const withGlobSync = module(`
  export * from 'node:fs';
  export { default } from 'node:fs';
  export function globSync() { throw new Error('globSync is not there before Node 22'); }
`);

if (!('globSync' in fs)) {
  register(
    module(`
      export async function resolve(specifier, context, next) {
        const isOfSuite = /[/]conformance-[a-z]+[/]dist[/]/.test(context.parentURL ?? '');
        return specifier === 'fs' && isOfSuite
          ? { url: ${JSON.stringify(withGlobSync)}, format: 'module', shortCircuit: true }
          : next(specifier, context);
      }
    `),
  );
}
