/** The login page and the website. */
import { login, type Pair } from './pair.ts'

const CARD = 'body[data-path="login"] section .page-card'

export const SIGN_IN: Pair[] = [
  login('title above the card', 'color', 'background@body[data-path="login"]', [
    'body[data-path="login"]',
    'body[data-path="login"] .page-card-head h4',
  ]),
  ...['--text-color', '--heading-color', '--text-muted', '--text-light'].map((text) =>
    login('card', text, 'background-color', [CARD]),
  ),
  login('card', 'color', 'background-color', [CARD]),
  ...['--text-color', '--text-muted', '--text-light'].map((text) => login('field', text, '--control-bg', [CARD])),
  login('quiet words', 'color', `background-color@${CARD}`, [CARD, 'body[data-path] .text-muted']),
  login('quiet words in a field', 'color', '--control-bg', [CARD, 'body[data-path] .text-muted']),
  login('forgotten password', 'color', `background-color@${CARD}`, [CARD, `${CARD} .forgot-password-message > a`]),
  login('button', '--neutral', '--btn-primary', [CARD]),
  login('button under the pointer', '--neutral', 'background-color', [CARD, `${CARD} .btn.btn-primary:hover`]),
  login('button pressed', '--gray-100', '--invert-neutral', [CARD, 'body .btn.btn-primary:active']),
  ...['', ':hover'].map((state) =>
    login('button of the sign-in service', 'color', 'background', [
      CARD,
      [`${CARD} .page-card-body .btn-login-option`, `${CARD} .page-card-body .btn-login-option${state}`],
    ]),
  ),
  ...['--primary', '--primary-color'].map((text) => login('link', text, 'background-color', [CARD])),
  login('ring around what has the focus', '--theme-focus', 'background-color', [CARD], 3),
  ...['--text-color', '--heading-color', '--text-muted'].map((text) =>
    login('messages, password, own account', text, 'background-color', [
      'body:is([data-path="404"], [data-path="message"], [data-path="update-password"], [data-path="me"])',
    ]),
  ),
]
