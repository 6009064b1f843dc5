"""Result tables as bytes: Parquet with page checksums, and the fingerprint that the manifest keeps."""

import hashlib

import pyarrow as pa
import pyarrow.parquet as pq


def encode(table: pa.Table) -> bytes:
    """Parquet with a checksum on every page; equal tables give equal bytes."""
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, write_page_checksum=True)
    return buffer.getvalue().to_pybytes()


def decode(content: bytes) -> pa.Table:
    """The table, every page's checksum compared; OSError or ArrowException when it is not sound."""
    # in this thread: one of Arrow's own, still waiting when the program ends, would abort it
    return pq.read_table(pa.BufferReader(content), page_checksum_verification=True, use_threads=False, pre_buffer=False)


def fingerprint(file: str, content: bytes) -> dict[str, str | int]:
    return {"file": file, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
