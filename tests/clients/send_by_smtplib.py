"""Sends mail by Python's smtplib: in clear, after STARTTLS with a login, and under implicit TLS.

Arguments: ports of smtp, submission and submission under TLS. Says "ok" at the end.
"""

import smtplib
import ssl
import sys
from email.message import EmailMessage

mx, submission, submissions = (int(port) for port in sys.argv[1:4])
password = "waxwing-demo"
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE


def message(subject, text):
    mail = EmailMessage()
    mail["From"] = "Bob <bob@waxwing.test>"
    mail["To"] = "Alice <alice@waxwing.test>"
    mail["Subject"] = subject
    mail.set_content(text)
    return mail


with smtplib.SMTP("127.0.0.1", mx, timeout=30) as smtp:
    smtp.ehlo("client.example")
    assert smtp.has_extn("pipelining") and smtp.has_extn("size") and smtp.has_extn("8bitmime")
    smtp.send_message(message("by smtplib", "Grüße\n.\n.. dots\n"), "someone@example.net", ["alice@waxwing.test"])
    try:
        smtp.sendmail("someone@example.net", ["nobody@waxwing.test"], "Subject: x\r\n\r\n")
        raise SystemExit("an unknown recipient was taken")
    except smtplib.SMTPRecipientsRefused as refused:
        assert refused.recipients["nobody@waxwing.test"][0] == 550, refused.recipients
    try:
        smtp.sendmail("someone@example.net", ["someone@example.org"], "Subject: x\r\n\r\n")
        raise SystemExit("an open relay")
    except smtplib.SMTPRecipientsRefused as refused:
        assert refused.recipients["someone@example.org"][0] // 100 == 5, refused.recipients

with smtplib.SMTP("127.0.0.1", submission, timeout=30) as smtp:
    smtp.starttls(context=context)
    smtp.login("bob@waxwing.test", password)
    smtp.send_message(message("by smtplib after STARTTLS", "Hello\n"))

with smtplib.SMTP_SSL("127.0.0.1", submissions, timeout=30, context=context) as smtp:
    try:
        smtp.login("bob@waxwing.test", "wrong")
        raise SystemExit("a wrong password was taken")
    except smtplib.SMTPAuthenticationError as error:
        assert error.smtp_code == 535, error
    smtp.login("bob@waxwing.test", password)
    # Large enough for several reads on the way.
    smtp.send_message(message("by smtplib under TLS", "line of text\n" * 100_000))

print("ok")
