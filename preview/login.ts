/** The login page: the website's page, with a button of the sign-in service. */
import { icon } from './html.ts'

export const login = (title: string, logo: string) => `
<body data-path="login" frappe-session-status="logged-out"><div id="page-login" data-path="login" source-type="Generator"><div class="page-content-wrapper"><main class="container my-4"><div class="page_content"><div>
<section class="for-login"><div class="page-card-head"><img class="app-logo" src="${logo}" alt=""><h4>Login to ${title}</h4></div>
<div class="login-content page-card"><form class="form-signin form-login" role="form"><div class="page-card-body"><div class="page-card-body">
  <div class="form-group"><label class="form-label sr-only">Email</label><div class="email-field"><input type="text" class="form-control" placeholder="jane@example.com">${icon('mail', 'sm', 'field-icon email-icon')}</div></div>
  <div class="form-group"><label class="form-label sr-only">Password</label><div class="password-field"><input type="password" class="form-control" placeholder="•••••">${icon('lock', 'sm', 'field-icon password-icon')}<span class="toggle-password text-muted">Show</span></div></div>
  <p class="forgot-password-message"><a>Forgot Password?</a></p></div>
  <div class="page-card-actions"><button class="btn btn-sm btn-primary btn-block btn-login" type="submit">Login</button></div>
  <div class="social-logins text-center"><p class="text-muted login-divider">or</p><div class="social-login-buttons"><div class="login-button-wrapper"><a class="btn btn-block btn-default btn-sm btn-login-option btn-authentik">Login with SecureNexus Sign-In</a></div></div></div></div></form>
</div></section></div></div></main></div></div></body>`
