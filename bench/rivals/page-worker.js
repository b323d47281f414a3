/** Other converters as threads, each told and answering as dist/page-worker.js is. */
import { parentPort, workerData } from 'node:worker_threads';

const converters = {
  async turndown() {
    const { default: Turndown } = await import('turndown');
    const service = new Turndown();
    return (html) => service.turndown(html);
  },
  async 'rehype-remark'() {
    const [{ unified }, ...plugins] = await Promise.all([
      import('unified'),
      import('rehype-parse'),
      import('rehype-remark'),
      import('remark-gfm'),
      import('remark-stringify'),
    ]);
    const processor = plugins.reduce((made, plugin) => made.use(plugin.default), unified());
    return (html) => String(processor.processSync(html));
  },
};

const convert = await converters[workerData]();
parentPort?.on('message', ({ html }) => {
  try {
    parentPort?.postMessage({ markdown: convert(html) });
  } catch (error) {
    parentPort?.postMessage({ failed: error instanceof Error ? error.message : String(error) });
  }
});
