using System.Runtime.CompilerServices;
using System.Text;

namespace BorgStore.Synchronization;

/// <summary>The steps of a phase, found ahead of those who carry them out, so that their total is known long before the last one is done. Memory stays
/// constant: a large number waits in a temporary file.</summary>
/// <param name="steps">The steps.</param>
/// <param name="allFound">Called once from any thread when all steps were found, with their number and the number of bytes to copy.</param>
internal sealed class StepQueue(IAsyncEnumerable<SyncStep> steps, Action<long, long> allFound)
{
    private readonly object _lock = new();
    private readonly Queue<SyncStep> _next = new();
    private FileStream? _file;
    private long _readPosition;
    private int _inFile;

    /// <summary>The maximum number of steps in memory.</summary>
    internal int Capacity { get; init; } = 10_000;

    /// <summary>Returns the steps in their order, once.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async IAsyncEnumerable<SyncStep> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var abandon = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var available = new SemaphoreSlim(0);
        var finding = Task.Run(() => FindAsync(available, abandon.Token), CancellationToken.None);
        try
        {
            while (true)
            {
                await available.WaitAsync(cancellationToken).ConfigureAwait(false);
                if (Take() is not { } step) break;
                yield return step;
            }
            await finding.ConfigureAwait(false);
        }
        finally
        {
            await abandon.CancelAsync().ConfigureAwait(false);
            await finding.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_file is not null) await _file.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task FindAsync(SemaphoreSlim available, CancellationToken cancellationToken)
    {
        try
        {
            var (count, bytes) = (0L, 0L);
            await foreach (var step in steps.WithCancellation(cancellationToken).ConfigureAwait(false))
            {
                Add(step);
                count++;
                if (step.Action != SyncAction.Delete) bytes += step.Size;
                available.Release();
            }
            allFound(count, bytes);
        }
        finally
        {
            // Wakes the reader, who finds nothing more.
            available.Release();
        }
    }

    private void Add(SyncStep step)
    {
        lock (_lock)
        {
            // Steps in the file are older than any that are found now.
            if (_inFile == 0 && _next.Count < Capacity)
            {
                _next.Enqueue(step);
                return;
            }
            _file ??= SpillFile.Create();
            _file.Seek(0, SeekOrigin.End);
            using var writer = new BinaryWriter(_file, Encoding.UTF8, leaveOpen: true);
            Write(writer, step);
            _inFile++;
        }
    }

    private SyncStep? Take()
    {
        lock (_lock)
        {
            if (_next.Count == 0 && _inFile > 0) ReadFromFile();
            return _next.TryDequeue(out var step) ? step : null;
        }
    }

    private void ReadFromFile()
    {
        _file!.Position = _readPosition;
        using (var reader = new BinaryReader(_file, Encoding.UTF8, leaveOpen: true))
        {
            for (; _inFile > 0 && _next.Count < Capacity; _inFile--) _next.Enqueue(Read(reader));
        }
        _readPosition = _file.Position;
        if (_inFile > 0) return;
        _file.SetLength(0);
        _readPosition = 0;
    }

    private static void Write(BinaryWriter writer, SyncStep step)
    {
        writer.Write((byte)step.Action);
        writer.Write(step.Name);
        writer.Write(step.IsDeleted);
        writer.Write(step.Size);
        writer.Write(step.Failure is not null);
        if (step.Failure is not { } failure) return;
        writer.Write((int)failure.Error);
        writer.Write(failure.Message);
        writer.Write(failure.Name ?? "");
    }

    private static SyncStep Read(BinaryReader reader)
    {
        var step = new SyncStep((SyncAction)reader.ReadByte(), reader.ReadString(), reader.ReadBoolean(), reader.ReadInt64());
        if (!reader.ReadBoolean()) return step;
        var (error, message, name) = ((StoreError)reader.ReadInt32(), reader.ReadString(), reader.ReadString());
        return step with { Failure = new(error, message, name.Length == 0 ? null : name) };
    }
}
