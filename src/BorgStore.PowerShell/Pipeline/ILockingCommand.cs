namespace BorgStore.PowerShell.Pipeline;

/// <summary>A command that locks the Borg 2 repositories that it changes: a cmdlet, or the provider of drives for PowerShell's own commands.</summary>
internal interface ILockingCommand
{
    /// <summary>Waits for an asynchronous operation or Ctrl-C.</summary>
    T Wait<T>(Func<CancellationToken, Task<T>> work);

    /// <summary>Writes a verbose message.</summary>
    void WriteVerbose(string text);

    /// <summary>Writes a warning.</summary>
    void WriteWarning(string text);
}
