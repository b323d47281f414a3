/** Which suites are run, and with which revision of the protocol. */

/**
 * By the package's name; `revision`: of the protocol, in the place of the one that each scenario came with.
 * @typedef {{ suite: string, revision?: string }} Round
 * @type {readonly Round[]}
 */
export const rounds = [
  { suite: 'conformance-stable' },
  { suite: 'conformance-next' },
  { suite: 'conformance-next', revision: '2026-07-28' },
];
