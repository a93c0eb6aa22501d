import { Sanitiser } from '../mail/sanitise';

let instance: Sanitiser | null = null;

/** The page's sanitiser, made when the first HTML is there. */
export function sanitiser(): Sanitiser {
  instance ??= new Sanitiser(window);
  return instance;
}
