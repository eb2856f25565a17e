using System.Text;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Hashing;

namespace BorgStore.Backends.Sftp.Hashing;

/// <summary>The extension <c>check-file</c> (draft-ietf-secsh-filexfer-extensions-00, section 3) in the dialects that there are.</summary>
/// <remarks>
/// ProFTPD knows <c>check-file-name</c> and <c>check-file-handle</c> and announces neither to clients of version 3, so that it has
/// to be tried. paramiko announces and knows <c>check-file</c> alone, by handle. To that name ProFTPD never answers, hence it is
/// used where it was announced only.
/// </remarks>
internal sealed class CheckFile(SftpConnection connection)
{
    // The draft's; others are not asked for, since "unknown algorithm" and "unknown extension" may look the same.
    private static readonly HashKind[] Algorithms =
        [HashKind.Md5, HashKind.Sha1, HashKind.Sha224, HashKind.Sha256, HashKind.Sha384, HashKind.Sha512];

    private readonly HashSet<HashKind> _refused = [];
    private bool _isUnknown = connection.Features.IsOpenSsh;

    /// <summary>Computes the hash of a file.</summary>
    /// <param name="path">Its path on the server.</param>
    /// <param name="algorithm">The algorithm.</param>
    /// <returns>The digest in lower-case hex, or <see langword="null"/> where that is not possible.</returns>
    public async Task<string?> TryHashAsync(string path, HashKind algorithm)
    {
        if (_isUnknown || !Algorithms.Contains(algorithm)) return null;
        lock (_refused)
        {
            if (_refused.Contains(algorithm)) return null;
        }
        var byHandle = connection.Features.Has(Extension.CheckFile) ? Extension.CheckFile
            : connection.Features.Has(Extension.CheckFileHandle) && !connection.Features.Has(Extension.CheckFileName) ? Extension.CheckFileHandle
            : null;
        using var reply = byHandle is null
            ? await connection.SendAsync(new CheckFileRequest(Extension.CheckFileName, path, null, algorithm.Name)).ConfigureAwait(false)
            : await AskByHandleAsync(byHandle, path, algorithm).ConfigureAwait(false);
        if (reply.IsOk) return ReadDigest(reply.Content.Span, algorithm);
        if (reply.Status == StatusCode.Unsupported) _isUnknown = true;
        else if (reply.Status == StatusCode.Failure) Refuse(algorithm);
        return null;
    }

    private async Task<Reply> AskByHandleAsync(string extension, string path, HashKind algorithm)
    {
        using var opened = await connection.SendAsync(new OpenRequest(path, OpenModes.Read)).ConfigureAwait(false);
        if (!opened.IsOk) return opened;
        var answer = connection.SendAsync(new CheckFileRequest(extension, null, opened.Handle, algorithm.Name));
        connection.SendAndForget(new HandleRequest(PacketType.Close, PacketType.Status, opened.Handle));
        return await answer.ConfigureAwait(false);
    }

    private void Refuse(HashKind algorithm)
    {
        lock (_refused) _refused.Add(algorithm);
    }

    // The draft has the digest bare at the end, paramiko repeats the extension's name and gives the digest a length.
    private static string? ReadDigest(ReadOnlySpan<byte> content, HashKind algorithm)
    {
        var reader = new PacketReader(content);
        var name = reader.ReadBytes();
        if (name.SequenceEqual("check-file"u8)) name = reader.ReadBytes();
        if (!name.SequenceEqual(Encoding.ASCII.GetBytes(algorithm.Name))) return null;
        var digest = reader.Rest;
        if (digest.Length == algorithm.DigestSize + sizeof(uint)) digest = reader.ReadBytes();
        return digest.Length == algorithm.DigestSize ? Convert.ToHexString(digest).ToLowerInvariant() : null;
    }
}
