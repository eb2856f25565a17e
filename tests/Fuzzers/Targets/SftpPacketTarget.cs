using BorgStore.Backends.Sftp;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Hashing;
using BorgStore.Backends.Sftp.Listing;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Hashing;
using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>Packets of an SFTP server, and the output of its programs, one at a time.</summary>
/// <remarks>An input is the type of a packet, the type of the one that the request expects, and the content.</remarks>
internal sealed class SftpPacketTarget : IFuzzTarget
{
    private static readonly PacketType[] Types = [PacketType.Status, PacketType.Handle, PacketType.Data, PacketType.Name, PacketType.Attributes, PacketType.ExtendedReply];

    public IReadOnlyList<string> Tokens => ["\0\0\0\u0001", "\0\0\0\u0004", "\0\0\0\u0005", "\0\0\0\0", "\0\0\0 ", "\u007f\u007f\u007f\u007f", "limits@openssh.com", "check-file", "sha256", ".", "..", "/", "-rw", "drw", "lrw", "e3b0c442", "  -"];

    public void Run(byte[] input)
    {
        if (input.Length < 2) return;
        var body = input[2..];
        Read(() =>
        {
            var reader = new PacketReader(body);
            using var reply = Reply.Read((PacketType)input[0], Types[input[1] % Types.Length], ref reader);
            Check.That(!reply.IsOk || input[0] != 101 || Types[input[1] % Types.Length] is PacketType.Status or PacketType.ExtendedReply, () => "A bare 'ok' is enough.");
            Check.That(reply.Handle is null or { Length: <= 256 } && reply.Attributes.Size >= 0, () => "A reply is not valid.");
        });
        Read(() =>
        {
            var entries = new EntryCollector();
            entries.Add(body);
            string? last = null;
            foreach (var entry in entries.Sort())
            {
                Check.That(entry.Name.Length > 0 && !entry.Name.AsSpan().ContainsAny('/', '\0') && entry.Name is not ("." or "..") && entry.Attributes.Size >= 0, () => $"'{entry.Name}' is in a listing.");
                Check.That(last is null || string.CompareOrdinal(last, entry.Name) < 0, () => "A listing is not in order.");
                last = entry.Name;
            }
        });
        Read(() =>
        {
            var reader = new PacketReader(body);
            CheckFeatures(ServerFeatures.Read(ref reader));
        });
        Read(() =>
        {
            var reader = new PacketReader([0, 0, 0, 3]);
            var features = ServerFeatures.Read(ref reader);
            features.ReadLimits(body);
            CheckFeatures(features);
        });
        Read(() => Check.That(SftpBackend.ReadFileSystem(body).Free >= 0, () => "The free space is negative."));
        Read(() => CheckDigest(CheckFile.ReadDigest(body, HashKind.Sha256)));
        foreach (var text in Check.Texts(body)) CheckDigest(HashPrograms.ParseOutput(text, HashKind.Sha256)?.Digest);
    }

    private static void CheckFeatures(ServerFeatures features)
        => Check.That(features is { ReadSize: >= 512 and <= 255 * 1024, WriteSize: >= 512 and <= 255 * 1024, Handles: >= 4 and <= 4096 }, () => "A limit is not sensible.");

    private static void CheckDigest(string? digest) => Check.That(digest is null || (digest.Length == 64 && digest.All(char.IsAsciiHexDigitLower)), () => $"'{digest}' is no digest.");

    private static void Read(Action read)
    {
        try
        {
            read();
        }
        catch (ProtocolException)
        {
            // Refused.
        }
    }
}
