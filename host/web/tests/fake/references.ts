/** Result references of RFC 8620 §3.7. */
import { type Args, MethodFailure } from './methods';

export function resolveReferences(args: Args, responses: [string, Args, string][]): Args {
  const resolved: Args = {};
  for (const [key, value] of Object.entries(args)) {
    if (!key.startsWith('#')) resolved[key] = value;
    else {
      const { resultOf, name, path } = value as { resultOf: string; name: string; path: string };
      const response = responses.find(([, , id]) => id === resultOf);
      if (response === undefined || response[0] !== name) throw new MethodFailure('invalidResultReference');
      resolved[key.slice(1)] = walk(response[1], path.split('/').slice(1));
    }
  }
  return resolved;
}

function walk(value: unknown, path: string[]): unknown {
  const [part, ...rest] = path;
  if (part === undefined) return value;
  if (part === '*' && Array.isArray(value)) {
    return value.flatMap((one) => walk(one, rest));
  }
  if (typeof value !== 'object' || value === null || !(part in value))
    throw new MethodFailure('invalidResultReference');
  return walk((value as Args)[part], rest);
}
