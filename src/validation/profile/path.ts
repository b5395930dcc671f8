/** The paths of discriminators: a small part of FHIRPath. https://hl7.org/fhir/R4/profiling.html#discriminator */
import { ProfileFault } from './tree.ts';

export type Step =
  | { readonly kind: 'member'; readonly name: string }
  | { readonly kind: 'extension'; readonly url: string }
  | { readonly kind: 'resolve' }
  | { readonly kind: 'type'; readonly type: string };

const step =
  /(?:(\$this)|(resolve)\(\)|extension\((?:'([^']*)'|"([^"]*)")\)|(?:ofType|as)\(([A-Za-z.]+)\)|([A-Za-z][A-Za-z0-9]*)(?:\[x\])?)(?:\.|$)/y;

/** The steps of a path; none for `$this`. Throws ProfileFault for what a discriminator can't have. */
export function parsePath(path: string): readonly Step[] {
  const steps: Step[] = [];
  step.lastIndex = 0;
  while (step.lastIndex < path.length || steps.length === 0) {
    const match = step.exec(path);
    if (match === null) throw new ProfileFault(`${path}: a discriminator can't have such a path`);
    const [, self, resolve, single, double, type, name] = match;
    const url = single ?? double;
    if (resolve !== undefined) steps.push({ kind: 'resolve' });
    else if (url !== undefined) steps.push({ kind: 'extension', url });
    else if (type !== undefined) steps.push({ kind: 'type', type: type.replace(/^FHIR\./, '') });
    else if (name !== undefined) steps.push({ kind: 'member', name });
    else if (self !== undefined && step.lastIndex >= path.length) break;
  }
  return steps;
}
