/** The signs of the interface, drawn on a grid of 24 with one stroke. Each stands beside words or a label. */

const PATHS = {
  inbox: 'M4 13l2.5-8h11L20 13v6H4v-6zM4 13h4.5l1 2.5h5l1-2.5H20',
  flagged: 'M12 4l2.5 5.2 5.5.8-4 4 1 5.6-5-2.7-5 2.7 1-5.6-4-4 5.5-.8z',
  important: 'M12 5v9M12 18v.5',
  drafts: 'M5 19l1-4L16.5 4.5l3 3L9 18zM14 7l3 3',
  sent: 'M4 12L20 4l-5 16-3.5-6.5zM11.5 13.5L20 4',
  archive: 'M4 5h16v4H4zM5.5 9v10h13V9M10 13h4',
  all: 'M4 7h16v11H4zM4 8l8 6 8-6',
  junk: 'M12 4l8 8-8 8-8-8zM12 8.5v4.5M12 15.8v.2',
  notJunk: 'M12 4l8 8-8 8-8-8zM8.8 12l2.3 2.3 4.2-4.4',
  trash: 'M5 7h14M9.5 7V4.5h5V7M7 7l1 12.5h8L17 7M10.5 10.5v5.5M13.5 10.5v5.5',
  folder: 'M4 7V5.5h5.5L11.5 8H20v11H4z',
  search: 'M10.5 4.5a6 6 0 1 1 0 12 6 6 0 0 1 0-12zM15 15l5 5',
  compose: 'M12 5H5v14h14v-7M10 14l.6-2.6 7.4-7.4 2 2-7.4 7.4z',
  menu: 'M4 7h16M4 12h16M4 17h16',
  back: 'M11 5l-7 7 7 7M4 12h16',
  close: 'M6 6l12 12M18 6L6 18',
  reply: 'M9.5 6L4 11.5 9.5 17M4 11.5h9c4 0 7 2.5 7 6.5',
  replyAll: 'M7.5 6L2.5 11.5l5 5.5M13 6l-5 5.5 5 5.5M8 11.5h6.5c4 0 6.5 2.5 6.5 6.5',
  forward: 'M14.5 6l5.5 5.5-5.5 5.5M20 11.5h-9c-4 0-7 2.5-7 6.5',
  more: 'M12 5.2v.6M12 11.7v.6M12 18.2v.6',
  attachment: 'M18.5 11.5l-7 7a4.2 4.2 0 0 1-6-6l8-8a2.9 2.9 0 0 1 4.1 4.1l-7.8 7.8a1.5 1.5 0 0 1-2.1-2.1l6.9-6.9',
  download: 'M12 4v11M7.5 10.5L12 15l4.5-4.5M5 19.5h14',
  unread: 'M4 8v11h16V8M4 8l8-4 8 4-8 6z',
  read: 'M4 6h16v12H4zM4 7l8 6 8-6',
  label: 'M4 5h8l8 8-7 7-9-9zM8 9v.1',
  move: 'M4 7V5.5h5.5L11.5 8H20v11H4zM9 13.5h6M12.5 11l2.5 2.5-2.5 2.5',
  settings: 'M5 7h8M17 7h2M5 12h2M11 12h8M5 17h6M15 17h4M15 5v4M9 10v4M13 15v4',
  help: 'M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17zM9.7 9.5c.3-3 4.8-2.8 4.6.2-.1 1.7-2.3 1.9-2.3 3.8M12 16.4v.1',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  chevron: 'M9 6l6 6-6 6',
  down: 'M6 9l6 6 6-6',
  plus: 'M12 5v14M5 12h14',
  image: 'M4 5h16v14H4zM4 16l5-5 4 4 3-2.5 4 3.5M15.5 9v.1',
  offline:
    'M4 4l16 16M3 9.5c2-1.8 4.2-2.9 6.6-3.3M14 6.2c2.7.4 5 1.5 7 3.3M6.5 13c1.2-1 2.6-1.7 4-2M15 12c.9.3 1.7.7 2.5 1.2M12 18v.1',
  logout: 'M13 5H5v14h8M10 12h10M16.5 8.5L20 12l-3.5 3.5',
  bold: 'M8 5h5a3.3 3.3 0 0 1 0 6.6H8zM8 11.6h5.7a3.7 3.7 0 0 1 0 7.4H8z',
  italic: 'M10 5h7M7 19h7M14 5l-4 14',
  underline: 'M7.5 5v6.5a4.5 4.5 0 0 0 9 0V5M6 20h12',
  strike:
    'M4 12h16M16 8c-.4-1.9-2-3-4-3-2.3 0-4 1.2-4 3.2 0 1.2.6 2.2 2 3M8 16c.4 1.9 2 3 4 3 2.3 0 4-1.3 4-3.3 0-.7-.2-1.3-.5-1.8',
  bullets: 'M9 6.500h11M9 12h11M9 17.500h11M4.5 6.500v.1M4.5 12v.1M4.5 17.500v.1',
  numbers: 'M10 6.500h10M10 12h10M10 17.500h10M4 5l1.2-.8V9M4 15.500c.3-1.5 2.5-1.2 2.3.2-.1 1-2.3 2-2.3 3.300h2.5',
  quote: 'M5 6v12M9 8h11M9 12h11M9 16h7',
  link: 'M10 14a3.5 3.5 0 0 0 5 0l4-4a3.5 3.5 0 0 0-5-5l-1.5 1.500M14 10a3.5 3.5 0 0 0-5 0l-4 4a3.5 3.5 0 0 0 5 5l1.5-1.5',
  clear: 'M7 5h11M12.5 5L10 14M5 5l14 14M8 19h6',
  sun: 'M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM12 3v1.500M12 19.500V21M3 12h1.500M19.5 12H21M5.6 5.600l1.1 1.100M17.3 17.300l1.1 1.100M18.4 5.600l-1.1 1.100M6.7 17.300l-1.1 1.1',
  warning: 'M12 4.500L21 19.500H3zM12 10v4.500M12 17v.1',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, filled = false, size = 20 }: { name: IconName; filled?: boolean; size?: number }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" width={size} height={size} aria-hidden="true" focusable="false">
      <path
        d={PATHS[name]}
        fill={filled ? 'currentColor' : 'none'}
        stroke="currentColor"
        stroke-width={name === 'more' ? 2.6 : 1.6}
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}

/** The bird: a crest, a black mask, red drops of wax on the wing, yellow at the tail. */
export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg viewBox="0 0 64 64" width={size} height={size} aria-hidden="true" focusable="false">
      <rect width="64" height="64" rx="15" fill="#2f5d62" />
      <path d="M15 46c1-15 9-27 22-30l-7-5c9-1 15 2 17 8l7 3-7 3c1 12-8 22-21 22-4 0-8 0-11-1z" fill="#ead9c3" />
      <path d="M37 21c4-2 8-2 11-1l-2 4c-4 1-7 0-9-3z" fill="#2b2724" />
      <path d="M20 41c6 0 12-3 15-9" fill="none" stroke="#a98f74" stroke-width="3" stroke-linecap="round" />
      <circle cx="33" cy="37" r="2.6" fill="#c8443a" />
      <circle cx="28" cy="41" r="2.6" fill="#c8443a" />
      <path d="M15 46l-6 7 9-2 8-4z" fill="#e9b63b" />
    </svg>
  );
}
