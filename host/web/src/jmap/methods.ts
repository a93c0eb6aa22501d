/** The methods this client calls, with what each takes and gives. */
import type {
  Comparator,
  EmailContent,
  EmailSubmission,
  EmailSummary,
  Filter,
  Id,
  Identity,
  Mailbox,
  Quota,
  SearchSnippet,
  Thread,
  VacationResponse,
} from './types';

interface Account {
  accountId: Id;
}

export interface GetArgs extends Account {
  ids: Id[] | null;
  properties?: string[] | null;
}

export interface GetResult<T> {
  accountId: Id;
  state: string;
  list: T[];
  notFound: Id[];
}

export interface ChangesArgs extends Account {
  sinceState: string;
  maxChanges?: number;
}

export interface ChangesResult {
  oldState: string;
  newState: string;
  hasMoreChanges: boolean;
  created: Id[];
  updated: Id[];
  destroyed: Id[];
  /** Mailbox/changes only: what alone changed, null if anything may have. */
  updatedProperties?: string[] | null;
}

/** A patch of RFC 8620 §5.3: paths to values. */
export type Patch = Record<string, unknown>;

export interface SetArgs extends Account {
  ifInState?: string | null;
  create?: Record<string, Patch>;
  update?: Record<Id, Patch>;
  destroy?: Id[];
}

export interface SetErrorObject {
  type: string;
  description?: string | null;
  properties?: string[];
  existingId?: Id;
  notFound?: Id[];
  maxRecipients?: number;
  invalidRecipients?: string[];
  maxSize?: number;
}

export interface SetResult<T> {
  oldState: string | null;
  newState: string;
  created: Record<string, Partial<T> & { id: Id }> | null;
  updated: Record<Id, Partial<T> | null> | null;
  destroyed: Id[] | null;
  notCreated: Record<string, SetErrorObject> | null;
  notUpdated: Record<Id, SetErrorObject> | null;
  notDestroyed: Record<Id, SetErrorObject> | null;
}

export interface QueryArgs extends Account {
  filter?: Filter | null;
  sort?: Comparator[] | null;
  position?: number;
  anchor?: Id;
  anchorOffset?: number;
  limit?: number;
  calculateTotal?: boolean;
  collapseThreads?: boolean;
}

export interface QueryResult {
  queryState: string;
  canCalculateChanges: boolean;
  position: number;
  ids: Id[];
  total?: number;
  limit?: number;
}

export interface QueryChangesArgs extends Account {
  filter?: Filter | null;
  sort?: Comparator[] | null;
  sinceQueryState: string;
  maxChanges?: number;
  upToId?: Id;
  calculateTotal?: boolean;
  collapseThreads?: boolean;
}

export interface QueryChangesResult {
  oldQueryState: string;
  newQueryState: string;
  total?: number;
  removed: Id[];
  added: { id: Id; index: number }[];
}

export interface EmailGetArgs extends GetArgs {
  bodyProperties?: string[];
  fetchTextBodyValues?: boolean;
  fetchHTMLBodyValues?: boolean;
  maxBodyValueBytes?: number;
}

export interface SubmissionSetArgs extends SetArgs {
  onSuccessUpdateEmail?: Record<string, Patch>;
  onSuccessDestroyEmail?: string[];
}

export interface Methods {
  'Mailbox/get': { args: GetArgs; result: GetResult<Mailbox> };
  'Mailbox/changes': { args: ChangesArgs; result: ChangesResult };
  'Mailbox/set': { args: SetArgs & { onDestroyRemoveEmails?: boolean }; result: SetResult<Mailbox> };
  'Thread/get': { args: GetArgs; result: GetResult<Thread> };
  'Thread/changes': { args: ChangesArgs; result: ChangesResult };
  'Email/get': { args: EmailGetArgs; result: GetResult<EmailSummary & EmailContent> };
  'Email/changes': { args: ChangesArgs; result: ChangesResult };
  'Email/set': { args: SetArgs; result: SetResult<EmailSummary> };
  'Email/query': { args: QueryArgs; result: QueryResult };
  'Email/queryChanges': { args: QueryChangesArgs; result: QueryChangesResult };
  'SearchSnippet/get': {
    args: Account & { filter: Filter | null; emailIds: Id[] };
    result: { list: SearchSnippet[]; notFound: Id[] | null };
  };
  'Identity/get': { args: GetArgs; result: GetResult<Identity> };
  'Identity/set': { args: SetArgs; result: SetResult<Identity> };
  'EmailSubmission/set': { args: SubmissionSetArgs; result: SetResult<EmailSubmission> };
  'VacationResponse/get': { args: GetArgs; result: GetResult<VacationResponse> };
  'VacationResponse/set': { args: SetArgs; result: SetResult<VacationResponse> };
  'Quota/get': { args: GetArgs; result: GetResult<Quota> };
}

export type Method = keyof Methods;
