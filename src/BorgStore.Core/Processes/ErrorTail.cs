using System.Runtime.InteropServices;
using System.Text;

namespace BorgStore.Processes;

/// <summary>Keeps the last lines of a child's standard error. The child is never blocked, however much it writes.</summary>
/// <param name="line">Called with each line, if given.</param>
internal sealed class ErrorTail(Action<string>? line = null)
{
    private const int Capacity = 4096;
    private const int MaxLineLength = 64 * 1024;
    private readonly byte[] _bytes = new byte[2 * Capacity];
    private readonly object _lock = new();
    private readonly List<byte> _line = [];
    private int _length;

    /// <summary>Reads a stream to its end and closes it.</summary>
    /// <param name="errors">The child's standard error.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async Task ReadAsync(Stream errors, CancellationToken cancellationToken)
    {
        var buffer = new byte[1024];
        try
        {
            await using (errors.ConfigureAwait(false))
            {
                while (await errors.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and var read)
                {
                    Append(buffer.AsSpan(0, read));
                    if (line is not null) PassLines(buffer.AsSpan(0, read));
                }
                if (_line.Count > 0) PassLine();
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // Keep what was read so far.
        }
    }

    /// <summary>Returns the last lines, without trailing blanks.</summary>
    public override string ToString()
    {
        lock (_lock)
        {
            var start = Math.Max(0, _length - Capacity);
            return Encoding.UTF8.GetString(_bytes, start, _length - start).Replace("\r", "").Trim();
        }
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            if (_length + bytes.Length > _bytes.Length)
            {
                var kept = _bytes.AsSpan(_length - Capacity, Capacity);
                kept.CopyTo(_bytes);
                _length = kept.Length;
            }
            bytes.CopyTo(_bytes.AsSpan(_length));
            _length += bytes.Length;
        }
    }

    private void PassLines(ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes)
        {
            if (b != '\n') _line.Add(b);
            if (b != '\n' && _line.Count < MaxLineLength) continue;
            PassLine();
        }
    }

    private void PassLine()
    {
        line!(Encoding.UTF8.GetString(CollectionsMarshal.AsSpan(_line)).TrimEnd('\r'));
        _line.Clear();
    }
}
