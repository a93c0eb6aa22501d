import { useEffect } from 'preact/hooks';
import { account } from '../state/account';
import { isRestoring, login, reason, restore } from '../state/login';
import { AccountContext } from './context';
import { Login } from './login';
import { Shell } from './shell';
import { Toasts } from './toasts';

export function App() {
  useEffect(() => void restore(), []);
  const current = account.value;
  if (isRestoring.value) return <div class="splash" aria-busy="true" />;
  return (
    <>
      {current === null ? (
        <Login reason={reason.value} onLogin={login} />
      ) : (
        <AccountContext.Provider value={current}>
          <Shell />
        </AccountContext.Provider>
      )}
      <Toasts />
    </>
  );
}
