using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.S3;

/// <summary>A session with another version of the SDK, loaded before or after ours.</summary>
public sealed class SdkIsolationTests(CephServer ceph) : S3Test(ceph)
{
    private const string Script = """
        $module, $other, $url, $order = $args
        function Use-OtherSdk { Add-Type -Path $other; 'other ' + [Amazon.Runtime.BasicAWSCredentials]::new('a', 'b').GetCredentials().AccessKey }
        if ($order -eq 'before') { Use-OtherSdk }
        Import-Module $module
        $store = Open-BorgStore $url -Namespace @{ data = 1 }
        Set-BorgStoreItem data/abc ([byte[]](1..9)) -Store $store
        'loaded ' + (Get-BorgStoreItemContent data/abc -Store $store).Length
        0..4 | ForEach-Object { Set-BorgStoreItem "data/item$_" ([byte[]](1)) -Store $store }
        Get-BorgStoreItem -Namespace data -Store $store | Remove-BorgStoreItem
        'left ' + @(Get-BorgStoreItem -Namespace data -Store $store).Count
        Close-BorgStore $store
        if ($order -eq 'after') { Use-OtherSdk }
        $loaded = [AppDomain]::CurrentDomain.GetAssemblies() | Where-Object { $_.GetName().Name -eq 'AWSSDK.Core' }
        'contexts ' + @($loaded | ForEach-Object { [Runtime.Loader.AssemblyLoadContext]::GetLoadContext($_).Name } | Sort-Object -Unique).Count
        'versions ' + @($loaded | ForEach-Object { $_.GetName().Version.Major } | Sort-Object -Unique).Count
        'cores ' + @([AppDomain]::CurrentDomain.GetAssemblies() | Where-Object { $_.GetName().Name -eq 'BorgStore.Core' }).Count
        """;

    [Theory]
    [InlineData("before")]
    [InlineData("after")]
    public async Task The_module_works_in_a_session_with_another_version_of_the_SDK(string order)
    {
        var other = System.IO.Path.Combine(AppContext.BaseDirectory, "other-sdk", "AWSSDK.Core.dll");
        string[] expected = [.. order == "before" ? new[] { "other a" } : [], "loaded 9", "left 0",
            .. order == "after" ? new[] { "other a" } : [], "contexts 2", "versions 2", "cores 1"];
        var requests = await Server.LogAsync("?delete", async () => Assert.Equal(expected, await ModuleSession.RunAsync(Script, other, Url(), order)));
        // Piped items are deleted in batches.
        Assert.NotEmpty(requests);
    }
}
