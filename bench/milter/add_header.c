/*
 * A milter as small as one can be: adds one header field to each message. What a step of a Waxwing policy that does the same is held against.
 *
 * usage: add_header SOCKET     such as unix:/run/add-header.sock
 *
 * It has the one callback that it needs. libmilter tells the mail server so when they negotiate, and the server then sends
 * neither envelope nor content: what is left is the least that a milter costs.
 */

#include <libmilter/mfapi.h>
#include <stdio.h>
#include <sys/stat.h>

static sfsistat end_of_message(SMFICTX *context)
{
	return smfi_addheader(context, "X-Bench", "seen") == MI_SUCCESS ? SMFIS_CONTINUE : SMFIS_TEMPFAIL;
}

int main(int argc, char **argv)
{
	struct smfiDesc milter = {
		.xxfi_name = "add_header",
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS,
		.xxfi_eom = end_of_message,
	};

	if (argc != 2) {
		fprintf(stderr, "usage: add_header SOCKET\n");
		return 64;
	}
	/* The mail server connects under an account of its own. */
	umask(0);
	if (smfi_setconn(argv[1]) != MI_SUCCESS || smfi_register(milter) != MI_SUCCESS)
		return 69;
	return smfi_main() == MI_SUCCESS ? 0 : 70;
}
