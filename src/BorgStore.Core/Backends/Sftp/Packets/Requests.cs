namespace BorgStore.Backends.Sftp.Packets;

/// <summary>The modes for opening a file.</summary>
[Flags]
internal enum OpenModes : uint
{
    Read = 1,
    Write = 2,
    Create = 8,
    Exclusive = 0x20,
}

/// <summary>A request with a path: for attributes, a directory handle, a removal.</summary>
internal readonly record struct PathRequest(PacketType Type, PacketType ExpectedReply, string Path) : IRequest
{
    public bool IsLong => false;

    public void Write(PacketWriter packet) => packet.Write(Path);
}

/// <summary>A request with a handle: for attributes, more of a directory, closing.</summary>
internal readonly record struct HandleRequest(PacketType Type, PacketType ExpectedReply, byte[] Handle) : IRequest
{
    public bool IsLong => false;

    public void Write(PacketWriter packet) => packet.Write(Handle);
}

/// <summary>A request to open a file. A new one is accessible only to its user, as with the Python package.</summary>
internal readonly record struct OpenRequest(string Path, OpenModes Modes) : IRequest
{
    private const uint HasMode = 4, UserReadsAndWrites = 0x180;

    public PacketType Type => PacketType.Open;

    public PacketType ExpectedReply => PacketType.Handle;

    public bool IsLong => false;

    public void Write(PacketWriter packet)
    {
        packet.Write(Path);
        packet.Write((uint)Modes);
        packet.Write(Modes.HasFlag(OpenModes.Create) ? HasMode : 0);
        if (Modes.HasFlag(OpenModes.Create)) packet.Write(UserReadsAndWrites);
    }
}

/// <summary>A request to create a directory with the server's default permissions.</summary>
internal readonly record struct MakeDirectoryRequest(string Path) : IRequest
{
    public PacketType Type => PacketType.MakeDirectory;

    public PacketType ExpectedReply => PacketType.Status;

    public bool IsLong => false;

    public void Write(PacketWriter packet)
    {
        packet.Write(Path);
        packet.Write(0u);
    }
}

/// <summary>A request to read a part of a file.</summary>
internal readonly record struct ReadRequest(byte[] Handle, long Offset, int Length) : IRequest
{
    public PacketType Type => PacketType.Read;

    public PacketType ExpectedReply => PacketType.Data;

    public bool IsLong => false;

    public void Write(PacketWriter packet)
    {
        packet.Write(Handle);
        packet.Write(Offset);
        packet.Write((uint)Length);
    }
}

/// <summary>A request to write a part of a file. The bytes are copied when the request is queued.</summary>
internal readonly record struct WriteRequest(byte[] Handle, long Offset, ReadOnlyMemory<byte> Bytes) : IRequest
{
    public PacketType Type => PacketType.Write;

    public PacketType ExpectedReply => PacketType.Status;

    public bool IsLong => false;

    public void Write(PacketWriter packet)
    {
        packet.Write(Handle);
        packet.Write(Offset);
        packet.Write(Bytes.Span);
    }
}

/// <summary>A request to rename a file, which fails if the new name is taken (draft-ietf-secsh-filexfer-02, section 6.5).</summary>
internal readonly record struct RenameRequest(string Path, string NewPath) : IRequest
{
    public PacketType Type => PacketType.Rename;

    public PacketType ExpectedReply => PacketType.Status;

    public bool IsLong => false;

    public void Write(PacketWriter packet)
    {
        packet.Write(Path);
        packet.Write(NewPath);
    }
}

/// <summary>A request to a server.</summary>
internal interface IRequest
{
    /// <summary>The type of the packet.</summary>
    PacketType Type { get; }

    /// <summary>The type of the packet that answers it on success.</summary>
    PacketType ExpectedReply { get; }

    /// <summary>Whether the server may need very long, for example to hash a large file.</summary>
    bool IsLong { get; }

    /// <summary>Writes the content after the request id.</summary>
    void Write(PacketWriter packet);
}

/// <summary>The names of extensions: those ending in openssh.com are specified in OpenSSH's file
/// PROTOCOL, <c>copy-data</c> and <c>check-file</c> in draft-ietf-secsh-filexfer-extensions-00.</summary>
internal static class Extension
{
    public const string PosixRename = "posix-rename@openssh.com";
    public const string HardLink = "hardlink@openssh.com";
    public const string Fsync = "fsync@openssh.com";
    public const string Limits = "limits@openssh.com";
    public const string FileSystemStat = "statvfs@openssh.com";
    public const string CopyData = "copy-data";
    public const string CheckFile = "check-file";
    public const string CheckFileName = "check-file-name";
    public const string CheckFileHandle = "check-file-handle";
}

/// <summary>A request of an extension without parameters.</summary>
internal readonly record struct PlainExtendedRequest(string Name) : IRequest
{
    public PacketType Type => PacketType.Extended;

    public PacketType ExpectedReply => PacketType.ExtendedReply;

    public bool IsLong => false;

    public void Write(PacketWriter packet) => packet.Write(Name);
}

/// <summary>A request of an extension with one path, which is answered with data, or with two, which is answered with a status.</summary>
internal readonly record struct PathExtendedRequest(string Name, string Path, string? NewPath = null) : IRequest
{
    public PacketType Type => PacketType.Extended;

    public PacketType ExpectedReply => NewPath is null ? PacketType.ExtendedReply : PacketType.Status;

    public bool IsLong => false;

    public void Write(PacketWriter packet)
    {
        packet.Write(Name);
        packet.Write(Path);
        if (NewPath is not null) packet.Write(NewPath);
    }
}

/// <summary>A request to write a file to disk.</summary>
internal readonly record struct FsyncRequest(byte[] Handle) : IRequest
{
    public PacketType Type => PacketType.Extended;

    public PacketType ExpectedReply => PacketType.Status;

    public bool IsLong => true;

    public void Write(PacketWriter packet)
    {
        packet.Write(Extension.Fsync);
        packet.Write(Handle);
    }
}

/// <summary>A request to copy a part of an open file into another one on the server.</summary>
internal readonly record struct CopyDataRequest(byte[] Source, long Offset, long Length, byte[] Target, long TargetOffset) : IRequest
{
    public PacketType Type => PacketType.Extended;

    public PacketType ExpectedReply => PacketType.Status;

    public bool IsLong => true;

    public void Write(PacketWriter packet)
    {
        packet.Write(Extension.CopyData);
        packet.Write(Source);
        packet.Write(Offset);
        packet.Write(Length);
        packet.Write(Target);
        packet.Write(TargetOffset);
    }
}

/// <summary>A request for the hash of a whole file, identified by its path or its handle.</summary>
internal readonly record struct CheckFileRequest(string Name, string? Path, byte[]? Handle, string Algorithm) : IRequest
{
    public PacketType Type => PacketType.Extended;

    public PacketType ExpectedReply => PacketType.ExtendedReply;

    public bool IsLong => true;

    public void Write(PacketWriter packet)
    {
        packet.Write(Name);
        if (Handle is not null) packet.Write(Handle);
        else packet.Write(Path!);
        packet.Write(Algorithm);
        packet.Write(0L); // from the start
        packet.Write(0L); // to the end
        packet.Write(0u); // as one block
    }
}
