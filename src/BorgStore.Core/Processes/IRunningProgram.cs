namespace BorgStore.Processes;

/// <summary>A program that runs on this machine or another one. Disposing it ends it.</summary>
internal interface IRunningProgram : IAsyncDisposable
{
    /// <summary>A stream that reads from its standard output and writes to its standard input. One read and one write may run at a time.</summary>
    Stream Stream { get; }

    /// <summary>Kills it.</summary>
    void Kill();
}
