/** The sandbox's parts that the whole job needs; bundled when it starts, since Node 20 runs no TypeScript. */

export { startSandbox } from '../../src/sandbox/sandbox.ts';
export { signInAs } from '../../src/sandbox/team/person.ts';
