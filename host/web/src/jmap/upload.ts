/** Uploads (RFC 8620 §6.1). By XMLHttpRequest, since fetch tells nothing of what was sent so far. */
import type { Authenticator } from './auth';
import { NetworkError, RequestError, UnauthorizedError } from './errors';
import type { UploadResult } from './types';

export type UploadProgress = (fraction: number) => void;

export function upload(
  url: string,
  file: Blob,
  type: string,
  auth: Authenticator,
  onProgress: UploadProgress = () => {},
  signal?: AbortSignal,
): Promise<UploadResult> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', url);
    for (const [name, value] of Object.entries(auth.headers())) request.setRequestHeader(name, value);
    request.setRequestHeader('Content-Type', type);
    request.responseType = 'json';
    request.upload.onprogress = (event) => onProgress(event.total > 0 ? event.loaded / event.total : 0);
    request.onerror = () => reject(new NetworkError());
    request.onabort = () => reject(new NetworkError());
    request.onload = () => {
      if (request.status === 401) reject(new UnauthorizedError());
      else if (request.status >= 300) reject(new RequestError(request.status, request.response ?? {}));
      else resolve(request.response as UploadResult);
    };
    signal?.addEventListener('abort', () => request.abort());
    request.send(file);
  });
}
