// The fake server by hand: `npm run fake`, then log in as alice@waxwing.test with waxwing-demo.
import { createServer } from 'vite';

const vite = await createServer({ server: { middlewareMode: true }, appType: 'custom', logLevel: 'error' });
const { FakeServer } = await vite.ssrLoadModule('/tests/fake/server.ts');
const { generate } = await vite.ssrLoadModule('/tests/fake/generate.ts');
const server = new FakeServer(generate(Number(process.argv[2] ?? 1000)));
process.stdout.write(`${await server.listen()}/mail\n`);
