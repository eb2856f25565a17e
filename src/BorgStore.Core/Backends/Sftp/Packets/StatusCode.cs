namespace BorgStore.Backends.Sftp.Packets;

/// <summary>The result of a request (draft-ietf-secsh-filexfer-02, section 7). Newer servers send other numbers too.</summary>
internal enum StatusCode : uint
{
    Ok = 0,
    EndOfFile = 1,
    NoSuchFile = 2,
    PermissionDenied = 3,
    Failure = 4,
    BadMessage = 5,
    NoConnection = 6,
    ConnectionLost = 7,
    Unsupported = 8,

    // From later drafts; ProFTPD and others also send them to clients of version 3.
    WriteProtected = 12,
    NoSpace = 14,
    QuotaExceeded = 15,
}
