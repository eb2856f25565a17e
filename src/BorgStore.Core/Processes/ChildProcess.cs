using System.ComponentModel;
using System.Runtime.InteropServices;

namespace BorgStore.Processes;

/// <summary>A program that runs for us (ssh, a local server, rclone) and that we talk to over its standard input and output.</summary>
/// <remarks>
/// It is out of reach of Ctrl-C at the prompt, and it never outlives this process, even where that is killed.
/// <see cref="DisposeAsync"/> closes its input, waits for it to end, then asks it to, then kills it.
/// </remarks>
internal abstract class ChildProcess : IAsyncDisposable
{
    private readonly TimeSpan _patience;
    private readonly ErrorTail _errors;
    private readonly CancellationTokenSource _readingErrors = new();
    private Task _errorsRead = Task.CompletedTask;
    private int _disposed;

    /// <summary>Remembers what ending the child needs.</summary>
    /// <param name="command">What it was started with.</param>
    protected ChildProcess(ChildCommand command) => (_patience, _errors) = (command.Patience, new(command.ErrorLine));

    /// <summary>Its process id, and on Unix that of its process group.</summary>
    public abstract int Id { get; }

    /// <summary>Its standard output to read from and its standard input to write to. One read and one write may run at a time.</summary>
    public abstract Stream Stream { get; }

    /// <summary>Ends when the child has ended: with its exit status, which is 128 and the number of the signal where one ended it.</summary>
    public abstract Task<int> Exited { get; }

    /// <summary>The last that it wrote to its standard error, without empty lines at the end.</summary>
    public string Errors => _errors.ToString();

    /// <summary>Starts a program.</summary>
    /// <param name="command">The program and its arguments.</param>
    /// <exception cref="Win32Exception">The program is missing or may not be run.</exception>
    public static ChildProcess Start(ChildCommand command)
        => OperatingSystem.IsWindows() ? WindowsChild.Launch(command) : UnixChild.Launch(command);

    /// <summary>What to say of a program that could not be started.</summary>
    /// <param name="program">The program.</param>
    /// <param name="why">What <see cref="Start"/> threw.</param>
    /// <param name="advice">How to get it.</param>
    public static string DescribeMissing(string program, Win32Exception why, string advice)
        => $"the program '{program}' could not be started: {Marshal.GetPInvokeErrorMessage(why.NativeErrorCode).TrimEnd('.')}. {advice}.";

    /// <summary>Closes its standard input, so that it sees the end of what it reads.</summary>
    public abstract void CloseInput();

    /// <summary>Ends it at once.</summary>
    public abstract void Kill();

    /// <summary>Waits until it has ended and all that it wrote to its standard error is in <see cref="Errors"/>.</summary>
    /// <param name="timeout">How long to wait for its end.</param>
    /// <returns>Its exit status, or <see langword="null"/> where it still runs.</returns>
    public async Task<int?> WaitAsync(TimeSpan timeout)
    {
        if (!await EndsWithinAsync(Exited, timeout).ConfigureAwait(false)) return null;
        // A grandchild that lives on may hold the other end open, so that its end never comes.
        await EndsWithinAsync(_errorsRead, TimeSpan.FromMilliseconds(200)).ConfigureAwait(false);
        return await Exited.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        CloseInput();
        if (!await EndsWithinAsync(Exited, _patience).ConfigureAwait(false))
        {
            Terminate();
            if (!await EndsWithinAsync(Exited, _patience).ConfigureAwait(false)) Kill();
            await Exited.ConfigureAwait(false);
        }
        await WaitAsync(TimeSpan.Zero).ConfigureAwait(false);
        await _readingErrors.CancelAsync().ConfigureAwait(false);
        await _errorsRead.ConfigureAwait(false);
        _readingErrors.Dispose();
        await Stream.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Asks it to end, where the system has a way to.</summary>
    protected abstract void Terminate();

    /// <summary>Begins to read what it writes to its standard error.</summary>
    /// <param name="errors">That stream; it is closed at its end.</param>
    protected void ReadErrors(Stream errors) => _errorsRead = _errors.ReadAsync(errors, _readingErrors.Token);

    private static async Task<bool> EndsWithinAsync(Task task, TimeSpan timeout)
    {
        if (task.IsCompleted) return true;
        using var timer = new CancellationTokenSource();
        var first = await Task.WhenAny(task, Task.Delay(timeout, timer.Token)).ConfigureAwait(false);
        await timer.CancelAsync().ConfigureAwait(false);
        return first == task;
    }
}
