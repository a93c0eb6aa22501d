import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Account } from '../state/account';

export const AccountContext = createContext<Account | null>(null);

/** The account that the view is of; views inside the shell always have one. */
export function useAccount(): Account {
  const account = useContext(AccountContext);
  if (account === null) throw new Error('outside of an account');
  return account;
}
