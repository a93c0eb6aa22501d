/** Addresses as tokens, with those that one has written with before. */
import type { Signal } from '@preact/signals';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { t } from '../i18n';
import type { EmailAddress } from '../jmap/types';
import { formatAddress, isAddress, nameOf, parseAddresses, unique } from '../mail/addresses';
import { suggest } from '../state/people';
import { useAccount } from './context';

interface FieldProps {
  label: string;
  value: Signal<EmailAddress[]>;
  onChange: () => void;
  autofocus: boolean;
}

export function RecipientField({ label, value, onChange, autofocus }: FieldProps) {
  const account = useAccount();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const found = text.trim().length > 0 ? suggest(account.store, text, value.value) : [];
  useEffect(() => {
    if (autofocus) input.current?.focus();
  }, []);
  const change = (addresses: EmailAddress[]) => {
    value.value = unique(addresses);
    onChange();
  };
  const take = (typed: string) => {
    const addresses = parseAddresses(typed);
    if (addresses.length > 0) change([...value.peek(), ...addresses]);
    setText('');
    setAt(0);
  };
  const choose = (address: EmailAddress) => {
    change([...value.peek(), address]);
    setText('');
    setAt(0);
    input.current?.focus();
  };
  const keydown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey) {
      if (event.key === 'Enter') take(text);
      return;
    }
    const isTaking =
      event.key === 'Enter' || event.key === ',' || event.key === ';' || (event.key === 'Tab' && text !== '');
    const suggestion = found[at];
    if (isTaking && text.trim() !== '') {
      event.preventDefault();
      if (suggestion !== undefined && event.key !== ',' && !isAddress(text.trim())) choose(suggestion);
      else take(text);
    } else if (event.key === 'Enter') event.preventDefault();
    else if (event.key === 'Backspace' && text === '') change(value.peek().slice(0, -1));
    else if (event.key === 'ArrowDown' && found.length > 0) {
      event.preventDefault();
      setAt((at + 1) % found.length);
    } else if (event.key === 'ArrowUp' && found.length > 0) {
      event.preventDefault();
      setAt((at - 1 + found.length) % found.length);
    } else if (event.key === 'Escape' && text !== '') {
      event.preventDefault();
      setText('');
    }
  };
  return (
    <div class="line-field recipients">
      <label for={id}>{label}</label>
      <div class="tokens">
        {value.value.map((address) => (
          <span
            key={address.email}
            class={isAddress(address.email) ? 'token' : 'token wrong'}
            title={formatAddress(address)}
          >
            {nameOf(address)}
            <button
              type="button"
              aria-label={t('compose.removeRecipient', { name: nameOf(address) })}
              onClick={() => change(value.peek().filter((other) => other !== address))}
            >
              ×
            </button>
          </span>
        ))}
        <input
          ref={input}
          id={id}
          value={text}
          role="combobox"
          aria-autocomplete="list"
          aria-expanded={found.length > 0}
          aria-controls={`${id}-list`}
          aria-activedescendant={found.length > 0 ? `${id}-${at}` : undefined}
          autocomplete="off"
          spellcheck={false}
          inputMode="email"
          onInput={(event) => {
            setText(event.currentTarget.value);
            setAt(0);
          }}
          onPaste={(event) => {
            const pasted = event.clipboardData?.getData('text') ?? '';
            if (!/[,;\n@]/.test(pasted)) return;
            event.preventDefault();
            take(text + pasted);
          }}
          onKeyDown={keydown}
          onBlur={() => take(text)}
        />
        <div class="suggestions" id={`${id}-list`} role="listbox" aria-label={label} hidden={found.length === 0}>
          {found.map((address, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the field's
            <div
              key={address.email}
              id={`${id}-${index}`}
              role="option"
              tabIndex={-1}
              aria-selected={index === at}
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => choose(address)}
            >
              <span>{nameOf(address)}</span>
              {address.name && <span class="message-address">{address.email}</span>}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}
