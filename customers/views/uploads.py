"""Large uploads: in a file that has no name, so that nothing of people's data stays behind whatever ends the process."""

import tempfile

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler


class NamelessFileUploadHandler(FileUploadHandler):
    """As Django's TemporaryFileUploadHandler, but where other users cannot look and without a name to be left under.

    The kernel frees such a file with its last user, also after SIGKILL; a named one in /tmp would stay, in clear.
    """

    def new_file(self, *args, **kwargs):
        super().new_file(*args, **kwargs)
        folder = settings.DATA_DIR / "imports"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.nameless = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - it is its reader's to close

    def receive_data_chunk(self, raw_data, start):
        self.nameless.write(raw_data)

    def file_complete(self, file_size):
        self.nameless.seek(0)
        return UploadedFile(
            self.nameless, self.file_name, self.content_type, file_size, self.charset, self.content_type_extra
        )

    def upload_interrupted(self):
        self.nameless.close()
