using System.Text;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Hashing;

namespace BorgStore.Backends.Sftp.Hashing;

/// <summary>The extension <c>check-file</c> (draft-ietf-secsh-filexfer-extensions-00, section 3) in its existing dialects.</summary>
/// <remarks>
/// The draft has two requests, <c>check-file-name</c> and <c>check-file-handle</c>, and one announcement, <c>check-file</c>. ProFTPD supports
/// both requests but announces nothing to clients of version 3, so it has to be tried. paramiko announces <c>check-file</c> and uses that as
/// the name of its only request, by handle. ProFTPD never answers a request of that name, so it is used only if it was announced.
/// </remarks>
internal sealed class CheckFile(SftpConnection connection)
{
    // The draft's algorithms; others are not tried, because "unknown algorithm" and "unknown extension" may look the same.
    private static readonly HashKind[] Algorithms =
        [HashKind.Md5, HashKind.Sha1, HashKind.Sha224, HashKind.Sha256, HashKind.Sha384, HashKind.Sha512];

    // paramiko refuses blocks below 256 bytes, and uses wrong offsets for more than two pieces of 64 KiB (seen in 2.12).
    private const int MinParamikoSize = 256;
    private const int MaxParamikoSize = 128 * 1024;

    private readonly HashSet<HashKind> _unsupported = [];
    private readonly string[] _forms = FormsOf(connection.Features);
    private int _form;

    /// <summary>Computes the hash of a file.</summary>
    /// <param name="path">Its path on the server.</param>
    /// <param name="algorithm">The algorithm.</param>
    /// <returns>The digest in lower-case hex, or <see langword="null"/> if that is not possible.</returns>
    public async Task<string?> TryHashAsync(string path, HashKind algorithm)
    {
        if (!Algorithms.Contains(algorithm)) return null;
        lock (_unsupported)
        {
            if (_unsupported.Contains(algorithm)) return null;
        }
        for (int form; (form = Volatile.Read(ref _form)) < _forms.Length;)
        {
            using var reply = _forms[form] == Extension.CheckFileName
                ? await connection.SendAsync(new CheckFileRequest(Extension.CheckFileName, path, null, algorithm.Name)).ConfigureAwait(false)
                : await HashByHandleAsync(_forms[form], path, algorithm).ConfigureAwait(false);
            if (reply is { IsOk: true, Content.IsEmpty: false }) return ReadDigest(reply.Content.Span, algorithm);
            if (reply.Status == StatusCode.Failure) MarkUnsupported(algorithm);
            if (reply.Status != StatusCode.Unsupported) return null;
            Interlocked.CompareExchange(ref _form, form + 1, form);
        }
        return null;
    }

    // In order of preference; a form that the server does not know is not tried again.
    private static string[] FormsOf(ServerFeatures features)
        => features.IsOpenSsh ? []
            : features.Has(Extension.CheckFile) ? [Extension.CheckFileName, Extension.CheckFileHandle, Extension.CheckFile]
            : features.Has(Extension.CheckFileHandle) && !features.Has(Extension.CheckFileName) ? [Extension.CheckFileHandle]
            : [Extension.CheckFileName];

    // A successful but empty reply means that the hash of this value must not be requested.
    private async Task<Reply> HashByHandleAsync(string extension, string path, HashKind algorithm)
    {
        using var opened = await connection.SendAsync(new OpenRequest(path, OpenModes.Read)).ConfigureAwait(false);
        if (!opened.IsOk) return opened;
        try
        {
            if (extension == Extension.CheckFile)
            {
                using var stat = await connection.SendAsync(
                    new HandleRequest(PacketType.HandleStat, PacketType.Attributes, opened.Handle)).ConfigureAwait(false);
                if (!stat.IsOk || stat.Attributes.Size is < MinParamikoSize or > MaxParamikoSize) return default;
            }
            return await connection.SendAsync(new CheckFileRequest(extension, null, opened.Handle, algorithm.Name)).ConfigureAwait(false);
        }
        finally
        {
            connection.SendAndForget(new HandleRequest(PacketType.Close, PacketType.Status, opened.Handle));
        }
    }

    private void MarkUnsupported(HashKind algorithm)
    {
        lock (_unsupported) _unsupported.Add(algorithm);
    }

    // Reads the algorithm and the digest; paramiko puts the extension's name before them.
    internal static string? ReadDigest(ReadOnlySpan<byte> content, HashKind algorithm)
    {
        var reader = new PacketReader(content);
        var name = reader.ReadBytes();
        if (name.SequenceEqual("check-file"u8)) name = reader.ReadBytes();
        if (!name.SequenceEqual(Encoding.ASCII.GetBytes(algorithm.Name))) return null;
        var digest = reader.Rest;
        return digest.Length == algorithm.DigestSize ? Convert.ToHexString(digest).ToLowerInvariant() : null;
    }
}
