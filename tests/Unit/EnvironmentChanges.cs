namespace BorgStore.Tests;

/// <summary>Tests that change the environment of the process, during which no other test may run.</summary>
[CollectionDefinition(nameof(EnvironmentChanges), DisableParallelization = true)]
public sealed class EnvironmentChanges
{
    private EnvironmentChanges()
    {
    }
}
