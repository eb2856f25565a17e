using System.Buffers.Binary;
using System.Text;
using Renci.SshNet.Compression;

namespace BorgStore.Backends.SshNet;

/// <summary>Opens the server's <c>sftp</c> subsystem as the channel of an <see cref="Renci.SshNet.SshCommand"/>.</summary>
/// <remarks>
/// <para>SSH.NET has no public way to open a subsystem; its session and channel types are internal. Of its public types,
/// <see cref="Compressor"/> sees each message before it is encrypted and after it was decrypted. This one, registered for the algorithm
/// <c>none</c>, passes all messages through except one: it replaces the request to execute <see cref="Command"/>, a random name, by a
/// request for the subsystem (RFC 4254, section 6.5). The command's streams are then those of the subsystem.</para>
/// <para>It depends on no internal member, so that a version of SSH.NET that works otherwise fails the connection and cannot corrupt it.</para>
/// </remarks>
internal sealed class SubsystemRequest
{
    private const byte ChannelRequest = 98;
    private const byte ChannelSuccess = 99;
    private const byte ChannelFailure = 100;

    private readonly byte[] _command;
    private volatile bool _isSent;

    /// <summary>Initializes a request that was not sent yet.</summary>
    public SubsystemRequest() => _command = Encoding.ASCII.GetBytes(Command);

    /// <summary>The command to execute in place of the subsystem.</summary>
    public string Command { get; } = $"borgstore-{Guid.NewGuid():n}";

    /// <summary>Whether the server accepted the request; <see langword="null"/> before it answered.</summary>
    public bool? IsAccepted { get; private set; }

    /// <summary>Creates the algorithm for one direction of a connection.</summary>
    public Compressor CreateFilter() => new Filter(this);

    private byte[] FilterSent(byte[] message)
    {
        // byte type, uint32 channel, string "exec", boolean want reply, string command
        if (message.Length == 0 || message[0] != ChannelRequest || !message.AsSpan().EndsWith(_command)) return message;
        _isSent = true;
        using var request = new MemoryStream();
        request.Write(message, 0, 5);
        WriteString(request, "subsystem");
        request.WriteByte(1);
        WriteString(request, "sftp");
        return request.ToArray();
    }

    private void WatchReceived(ReadOnlySpan<byte> message)
    {
        if (_isSent && IsAccepted is null && message.Length > 0 && message[0] is ChannelSuccess or ChannelFailure) IsAccepted = message[0] == ChannelSuccess;
    }

    private static void WriteString(MemoryStream message, string text)
    {
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, text.Length);
        message.Write(length);
        message.Write(Encoding.ASCII.GetBytes(text));
    }

    private sealed class Filter(SubsystemRequest request) : Compressor(delayedCompression: false)
    {
        public override string Name => "none";

        public override byte[] Compress(byte[] data, int offset, int length) => request.FilterSent(base.Compress(data, offset, length));

        public override byte[] Decompress(byte[] data, int offset, int length)
        {
            request.WatchReceived(data.AsSpan(offset, length));
            return base.Decompress(data, offset, length);
        }

        protected override byte[] CompressCore(byte[] data, int offset, int length) => Cut(data, offset, length);

        protected override byte[] DecompressCore(byte[] data, int offset, int length) => Cut(data, offset, length);

        private static byte[] Cut(byte[] data, int offset, int length) => offset == 0 && length == data.Length ? data : data.AsSpan(offset, length).ToArray();
    }
}
