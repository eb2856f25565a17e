using System.Buffers.Text;
using BorgStore.Naming;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files.Quota;

/// <summary>Counts the bytes of all values in <c>quota.hid</c>, like the Python package, and enforces a limit.</summary>
/// <remarks>
/// <para>The number is read, checked and written under a lock shared by all threads and processes, together
/// with the rename or deletion that it counts: so it is exact and costs no sync. During a change the file
/// contains no number, so that after a crash the next user counts again, as the Python package does too.</para>
/// <para>After a power cut the number may be older than the values. <see cref="QuotaSession"/> detects that.</para>
/// </remarks>
internal sealed class FileQuota(FileSystem fileSystem, string root, long? limit) : IDisposable
{
    /// <summary>The file that contains the number.</summary>
    public const string FileName = "quota" + Suffixes.Hidden;

    private const int MaxDigits = 20;
    private const byte InTransit = (byte)'?';

    private readonly FileSystem _fileSystem = fileSystem;
    private readonly object _lock = new();
    private readonly FileLock _fileLock = fileSystem.CreateLock(FileName);
    private readonly QuotaSession _session = new(fileSystem, root);

    // The growth and the length of all values being written. Added under the lock, subtracted without it.
    private long _growthInFlight;
    private long _lengthInFlight;

    /// <summary>The limit [bytes]; <see langword="null"/> if only an existing number is kept up to date.</summary>
    public long? Limit => limit;

    /// <summary>Reserves room for a value; throws if it does not fit beside those being written.</summary>
    /// <param name="name">The item; <see langword="null"/> if its name follows from its content, so that the replaced item is not known.</param>
    /// <param name="length">Its size [bytes].</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The reservation, which lasts until the change begins or it is disposed; <see langword="null"/> if there is no limit.</returns>
    public Reservation? Reserve(string? name, long length, CancellationToken cancellationToken)
    {
        if (limit is not { } most) return null;
        using var change = Begin(name, length, checkOnly: true, null, cancellationToken);
        // Values that replace the same item add nothing in the end, but until then all of them are on disk.
        if (length > Math.Max(most, change.Used) - _lengthInFlight)
            throw new StoreException(StoreError.QuotaExceeded, $"{_lengthInFlight} bytes are being written under the quota of {most} bytes, and this one needs {length} more");
        return new Reservation(this, Math.Max(0, change.Growth), length);
    }

    /// <summary>Locks the number for a change of one item; throws if the change would exceed the limit.</summary>
    /// <param name="name">The item.</param>
    /// <param name="length">Its size after the change [bytes].</param>
    /// <param name="reservation">The room reserved for it, which is released.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The change, to be completed when it is done and disposed in any case.</returns>
    public Change Begin(string name, long length, Reservation? reservation, CancellationToken cancellationToken)
        => Begin(name, length, checkOnly: false, reservation, cancellationToken);

    /// <summary>Locks the number for a change that leaves it as it is. Without the lock, the change could come between another one's look at the size
    /// of an item and its deletion or replacement, which would then be counted wrong.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The change, to be disposed when it is done.</returns>
    public Change Hold(CancellationToken cancellationToken) => Begin(null, 0, checkOnly: false, reservation: null, cancellationToken);

    /// <summary>Returns the bytes of all values. Writes nothing if the store is read-only.</summary>
    public long GetUsed(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            SafeFileHandle file;
            try
            {
                file = _fileLock.Acquire();
            }
            catch (StoreException failure) when (failure.Error == StoreError.PermissionDenied)
            {
                return ReadUnlocked() ?? Scan(cancellationToken);
            }
            try
            {
                return Read(file, cancellationToken).Used;
            }
            finally
            {
                _fileLock.Release();
            }
        }
    }

    /// <summary>Ends the session; if it was the last one, the number is then as durable as the values.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            try
            {
                if (_session.HasBegun)
                {
                    var file = _fileLock.Acquire();
                    try
                    {
                        _session.End(file);
                    }
                    finally
                    {
                        _fileLock.Release();
                    }
                }
            }
            catch (StoreException)
            {
                // The session's mark stays, so that the values are counted after the next boot.
            }
            _session.Dispose();
            _fileLock.Dispose();
        }
    }

    private Change Begin(string? name, long length, bool checkOnly, Reservation? reservation, CancellationToken cancellationToken)
    {
        Monitor.Enter(_lock);
        var isLocked = false;
        try
        {
            var file = _fileLock.Acquire();
            isLocked = true;
            var (used, digits) = Read(file, cancellationToken);
            var old = name is not null && _fileSystem.GetStatus(name) is { IsDirectory: false } status ? status.Size : 0;
            // The lock is held, so nobody takes the room before the change is done.
            reservation?.Dispose();
            var inFlight = Volatile.Read(ref _growthInFlight);
            if (limit is { } most && length > old && length - old > most - used - inFlight) throw Exceeded(most, used, inFlight, length - old);
            var after = used - old + length;
            var change = new Change(this, file, used, Math.Max(0, after), digits);
            if (!checkOnly) change.Mark();
            return change;
        }
        catch
        {
            if (isLocked) _fileLock.Release();
            Monitor.Exit(_lock);
            throw;
        }
    }

    private static StoreException Exceeded(long limit, long used, long inFlight, long more) => new(StoreError.QuotaExceeded,
        $"the quota of {limit} bytes has {Math.Max(0, limit - used - inFlight)} left ({used} are used{(inFlight > 0 ? $" and {inFlight} are being written" : "")}), and this needs {more} more");

    // Returns the number and the length of the file in characters.
    private (long Used, int Characters) Read(SafeFileHandle file, CancellationToken cancellationToken)
    {
        var isTrusted = _session.Begin();
        Span<byte> text = stackalloc byte[MaxDigits + 1];
        var characters = _fileSystem.Read(file, text, 0);
        if (isTrusted && Parse(text[..characters]) is { } used) return (used, characters);

        used = Scan(cancellationToken);
        _fileSystem.SetLength(file, 0);
        var length = Write(file, used, 0);
        _session.ForgetEarlier();
        return (used, length);
    }

    private long? ReadUnlocked()
    {
        using var file = _fileSystem.OpenInternal(FileName);
        if (file is null) return null;
        Span<byte> text = stackalloc byte[MaxDigits + 1];
        return Parse(text[.._fileSystem.Read(file, text, 0)]);
    }

    /// <summary>Parses the count.</summary>
    /// <param name="text">The content of the file.</param>
    /// <returns>The count, or <see langword="null"/> if the content is anything else.</returns>
    internal static long? Parse(ReadOnlySpan<byte> text)
        // A text with more digits was not read completely.
        => text.Length <= MaxDigits && !text.ContainsAnyExceptInRange((byte)'0', (byte)'9') && Utf8Parser.TryParse(text, out long number, out _) ? number : null;

    private int Write(SafeFileHandle file, long used, int characters)
    {
        Span<byte> text = stackalloc byte[MaxDigits];
        Utf8Formatter.TryFormat(used, text, out var length);
        // Shortened first: until the number is written the file contains none.
        if (length < characters) _fileSystem.SetLength(file, length);
        _fileSystem.Write(file, text[..length], 0);
        return length;
    }

    private long Scan(CancellationToken cancellationToken)
    {
        var total = 0L;
        var pending = new Stack<string>();
        pending.Push("");
        while (pending.TryPop(out var directory))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var reader = _fileSystem.ReadDirectory(directory);
            foreach (var entry in reader?.Entries ?? [])
            {
                if (entry.Kind == EntryKind.Link || IsInternal(entry.Name)) continue;
                var status = entry.Kind == EntryKind.Directory ? null : reader!.GetStatus(entry);
                if (entry.Kind == EntryKind.Directory || status is { IsDirectory: true })
                    pending.Push(directory.Length > 0 ? directory + "/" + entry.Name : entry.Name);
                else total += status?.Size ?? 0;
            }
        }
        return total;
    }

    private static bool IsInternal(string name)
        => name.EndsWith(Suffixes.Temporary, StringComparison.Ordinal)
            || name.EndsWith(Suffixes.Hidden, StringComparison.Ordinal);

    /// <summary>Room reserved for a value that is being written.</summary>
    internal sealed class Reservation : IDisposable
    {
        private readonly long _growth;
        private readonly long _length;
        private FileQuota? _quota;

        public Reservation(FileQuota quota, long growth, long length)
        {
            (_quota, _growth, _length) = (quota, growth, length);
            Interlocked.Add(ref quota._growthInFlight, growth);
            Interlocked.Add(ref quota._lengthInFlight, length);
        }

        /// <summary>Releases the room, once.</summary>
        public void Dispose()
        {
            if (Interlocked.Exchange(ref _quota, null) is not { } quota) return;
            Interlocked.Add(ref quota._growthInFlight, -_growth);
            Interlocked.Add(ref quota._lengthInFlight, -_length);
        }
    }

    /// <summary>A change of the number together with the operation that it counts.</summary>
    internal readonly ref struct Change(FileQuota quota, SafeFileHandle file, long before, long after, int characters)
    {
        /// <summary>The bytes of all values before the change.</summary>
        public long Used => before;

        /// <summary>The bytes that the change adds.</summary>
        public long Growth => after - before;

        /// <summary>Makes the file contain no number during the change.</summary>
        public void Mark()
        {
            if (after == before) return;
            try
            {
                quota._fileSystem.Write(file, [InTransit], 0);
            }
            catch (StoreException) when (after < before)
            {
                // A disk too full for one more byte must not prevent deletions.
            }
        }

        /// <summary>Writes the new number after the change is done.</summary>
        public void Complete() => Settle(after);

        /// <summary>Writes the old number after the change failed.</summary>
        public void Undo() => Settle(before);

        public void Dispose()
        {
            quota._fileLock.Release();
            Monitor.Exit(quota._lock);
        }

        private void Settle(long used)
        {
            if (after == before) return;
            try
            {
                quota.Write(file, used, characters);
            }
            catch (StoreException)
            {
                // The file now contains no number, so the next user counts again.
            }
        }
    }
}
