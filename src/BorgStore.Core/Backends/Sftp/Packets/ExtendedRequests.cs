namespace BorgStore.Backends.Sftp.Packets;

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
