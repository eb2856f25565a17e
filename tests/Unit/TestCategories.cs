using System.Reflection;
using BorgStore.Tests;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestFramework(typeof(TestCategories))]

namespace BorgStore.Tests;

/// <summary>
/// Gives tests in folders that start servers the category <c>Server</c>, as <see cref="TraitAttribute"/> does for a class. <c>quick.runsettings</c>
/// excludes that category, and <c>Long</c> too.
/// </summary>
public sealed class TestCategories : XunitTestFramework
{
    private static readonly HashSet<string> ServerFolders = ["Borg", "Faults", "Rclone", "Rest", "S3", "Server", "Sftp", "SshNet"];

    /// <inheritdoc/>
    protected override ITestFrameworkDiscoverer CreateDiscoverer(Assembly assembly) => new Discoverer(new XunitTestAssembly(assembly));

    private static bool StartsServers(ITestCase test)
        => test.TestClassNamespace?.Split('.') is [_, _, var folder, ..] && ServerFolders.Contains(folder);

    private sealed class Discoverer(IXunitTestAssembly assembly) : XunitTestFrameworkDiscoverer(assembly)
    {
        protected override ValueTask<bool> FindTestsForType(
            IXunitTestClass testClass, ITestFrameworkDiscoveryOptions discoveryOptions, Func<ITestCase, ValueTask<bool>> discoveryCallback)
            => base.FindTestsForType(testClass, discoveryOptions, test =>
            {
                if (test is XunitTestCase found && StartsServers(test))
                {
                    if (!found.Traits.TryGetValue("Category", out var categories)) found.Traits.Add("Category", categories = []);
                    categories.Add("Server");
                }
                return discoveryCallback(test);
            });
    }
}
